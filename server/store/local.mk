# Floor 5: the log and the snapshots in SQLite.
noinst_LIBRARIES += libstore.a
libstore_a_SOURCES = \
	server/store/aside.c \
	server/store/db.c server/store/db.h \
	server/store/dir.c server/store/dir.h \
	server/store/image.c server/store/image.h \
	server/store/log.c \
	server/store/log_thread.c \
	server/store/power.c server/store/power.h \
	server/store/reader.c server/store/reader.h \
	server/store/snapshot.c \
	server/store/snapshot_load.c \
	server/store/snapshot_thread.c \
	server/store/snapshot_writer.c \
	server/store/store.c server/store/store.h \
	server/store/store_private.h \
	server/store/vfs_fault.c server/store/vfs_fault.h

if HAVE_CHECK
check_PROGRAMS += check_store
TESTS += check_store
endif
check_store_SOURCES = tests/unit/check_store.c
check_store_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_store_LDADD = libstore.a libwire.a $(SQLITE_LIBS) $(CHECK_LIBS)

check_PROGRAMS += check_powerloss
TESTS += check_powerloss
check_powerloss_SOURCES = tests/unit/check_powerloss.c tests/unit/disk_model.c tests/unit/disk_model.h
check_powerloss_LDADD = libstore.a libwire.a $(SQLITE_LIBS)

check_PROGRAMS += check_power
TESTS += check_power
check_power_SOURCES = tests/unit/check_power.c tests/unit/disk_model.c tests/unit/disk_model.h
check_power_LDADD = libstore.a libwire.a $(SQLITE_LIBS)

# Not tests: they print what an append, an open and a load cost, and a restart with many znodes.
check_PROGRAMS += bench_store bench_restart
bench_store_SOURCES = tests/bench/bench_store.c
bench_store_LDADD = libstore.a libwire.a $(SQLITE_LIBS)
bench_restart_SOURCES = tests/bench/bench_restart.c
bench_restart_LDADD = libstore.a libcore.a libwire.a $(SQLITE_LIBS) $(CRYPTO_LIBS)

EXTRA_DIST += docs/storage.md
