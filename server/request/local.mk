# Floor 4: what a client asks.
libcore_a_SOURCES += \
	server/request/changes.c server/request/changes.h \
	server/request/client.c \
	server/request/commit.c \
	server/request/connect.c \
	server/request/core.c server/request/core.h server/request/core_private.h \
	server/request/gate.c \
	server/request/identity.c \
	server/request/learners.c \
	server/request/path.c \
	server/request/prep.c server/request/prep.h \
	server/request/prep_session.c \
	server/request/read.c \
	server/request/read_only.c \
	server/request/read_watch.c \
	server/request/reaper.c \
	server/request/session.c \
	server/request/throttle.c server/request/throttle.h \
	server/request/tracker.c server/request/tracker.h

if HAVE_CHECK
REQUEST_TESTS = check_tracker check_changes check_path check_passwd check_prep check_read check_read_watch check_reaper check_connect check_identity check_order check_read_only check_gate check_txn_digest
check_PROGRAMS += $(REQUEST_TESTS)
TESTS += $(REQUEST_TESTS)
check_tracker_SOURCES = tests/unit/check_tracker.c tests/unit/unit.h
check_tracker_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_tracker_LDADD = $(CORE_TEST_LIBS)
check_changes_SOURCES = tests/unit/check_changes.c tests/unit/txn_make.c tests/unit/txn_make.h tests/unit/unit.h
check_changes_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_changes_LDADD = $(CORE_TEST_LIBS)
check_path_SOURCES = tests/unit/check_path.c tests/unit/unit.h
check_path_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_path_LDADD = $(CORE_TEST_LIBS)
check_passwd_SOURCES = tests/unit/check_passwd.c tests/unit/unit.h
check_passwd_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_passwd_LDADD = $(CORE_TEST_LIBS)
check_prep_SOURCES = tests/unit/check_prep.c tests/unit/unit.h
check_prep_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_prep_LDADD = $(CORE_TEST_LIBS)
check_read_SOURCES = tests/unit/check_read.c tests/unit/unit.h
check_read_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_read_LDADD = $(CORE_TEST_LIBS)
check_read_watch_SOURCES = tests/unit/check_read_watch.c tests/unit/unit.h
check_read_watch_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_read_watch_LDADD = $(CORE_TEST_LIBS)
check_reaper_SOURCES = tests/unit/check_reaper.c tests/unit/unit.h
check_reaper_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_reaper_LDADD = $(CORE_TEST_LIBS)
check_connect_SOURCES = tests/unit/check_connect.c tests/unit/unit.h
check_connect_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_connect_LDADD = $(CORE_TEST_LIBS)
check_identity_SOURCES = tests/unit/check_identity.c tests/unit/unit.h
check_identity_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_identity_LDADD = $(CORE_TEST_LIBS)
check_read_only_SOURCES = tests/unit/check_read_only.c tests/unit/unit.h
check_read_only_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_read_only_LDADD = $(CORE_TEST_LIBS)
check_gate_SOURCES = tests/unit/check_gate.c tests/unit/unit.h
check_gate_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_gate_LDADD = $(CORE_TEST_LIBS)
check_order_SOURCES = tests/unit/check_order.c tests/unit/unit.h
check_order_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_order_LDADD = $(CORE_TEST_LIBS)
check_txn_digest_SOURCES = tests/unit/check_txn_digest.c tests/unit/unit.h
check_txn_digest_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_txn_digest_LDADD = $(CORE_TEST_LIBS)
endif
