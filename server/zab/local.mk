# Floor 3: agreement.
libcore_a_SOURCES += \
	server/zab/config.h \
	server/zab/election.c \
	server/zab/history.c server/zab/history.h \
	server/zab/leader.c \
	server/zab/learner.c \
	server/zab/metrics.c server/zab/metrics.h \
	server/zab/outlink.h \
	server/zab/peer.c \
	server/zab/plant.h \
	server/zab/quorum.c server/zab/quorum.h \
	server/zab/snapper.c \
	server/zab/status.h \
	server/zab/stranger.c \
	server/zab/step.c server/zab/step.h \
	server/zab/sync.c \
	server/zab/vote.c server/zab/vote.h \
	server/zab/zab.h server/zab/zab_private.h

if HAVE_CHECK
# What drives a core by hand; floor 4's tests link with it too.
check_LIBRARIES += libdriver.a
libdriver_a_SOURCES = \
	tests/lib/core_client.c tests/lib/core_client.h \
	tests/lib/core_driver.c tests/lib/core_driver.h \
	tests/lib/core_ensemble.c tests/lib/core_ensemble.h \
	tests/lib/core_server.c tests/lib/core_server.h
libdriver_a_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

ZAB_TESTS = check_vote check_quorum check_groups check_history check_election check_leader check_learner check_sync check_zab_paper check_orders
check_PROGRAMS += $(ZAB_TESTS)
TESTS += $(ZAB_TESTS)
CORE_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
CORE_TEST_LIBS = libdriver.a libcore.a libwire.a $(CHECK_LIBS) $(CRYPTO_LIBS)

check_vote_SOURCES = tests/unit/check_vote.c tests/unit/unit.h
check_vote_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_vote_LDADD = $(CORE_TEST_LIBS)
check_quorum_SOURCES = tests/unit/check_quorum.c tests/unit/unit.h
check_quorum_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_quorum_LDADD = $(CORE_TEST_LIBS)
check_groups_SOURCES = tests/unit/check_groups.c tests/unit/unit.h
check_groups_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_groups_LDADD = $(CORE_TEST_LIBS)
check_history_SOURCES = tests/unit/check_history.c tests/unit/unit.h
check_history_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_history_LDADD = $(CORE_TEST_LIBS)
check_orders_SOURCES = tests/unit/check_orders.c tests/unit/unit.h
check_orders_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_orders_LDADD = $(CORE_TEST_LIBS)
check_election_SOURCES = tests/unit/check_election.c tests/unit/unit.h
check_election_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_election_LDADD = $(CORE_TEST_LIBS)
check_leader_SOURCES = tests/unit/check_leader.c tests/unit/unit.h
check_leader_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_leader_LDADD = $(CORE_TEST_LIBS)
check_learner_SOURCES = tests/unit/check_learner.c tests/unit/txn_make.c tests/unit/txn_make.h tests/unit/unit.h
check_learner_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_learner_LDADD = $(CORE_TEST_LIBS)
check_sync_SOURCES = tests/unit/check_sync.c tests/unit/unit.h
check_sync_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_sync_LDADD = $(CORE_TEST_LIBS)
check_zab_paper_SOURCES = tests/unit/check_zab_paper.c tests/unit/unit.h
check_zab_paper_CPPFLAGS = $(CORE_TEST_CPPFLAGS)
check_zab_paper_LDADD = $(CORE_TEST_LIBS)
endif
