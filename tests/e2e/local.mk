# tests/e2e: files of this folder. Each test is a program that prints TAP; without kazoo it is skipped (77).
# `make check-apache` runs the same tests against Apache ZooKeeper, which must pass them all.
E2E_TESTS = tests/e2e/test_service.py
E2E_TESTS += tests/e2e/test_ensemble.py
E2E_TESTS += tests/e2e/test_leader_kills.py
E2E_TESTS += tests/e2e/test_chaos.py
E2E_TESTS += tests/e2e/test_disk.py
E2E_TESTS += tests/e2e/test_verbs.py
E2E_TESTS += tests/e2e/test_launcher.py
E2E_TESTS += tests/e2e/test_faults.py
E2E_TESTS += tests/e2e/test_admin.py
E2E_TESTS += tests/e2e/test_digest.py
E2E_TESTS += tests/e2e/test_stop.py
E2E_TESTS += tests/e2e/test_engine.py
E2E_TESTS += tests/e2e/test_json.py
E2E_TESTS += tests/e2e/test_power.py
E2E_TESTS += tests/e2e/test_scenario.py
E2E_TESTS += tests/e2e/test_timeline.py
E2E_TESTS += tests/e2e/test_data.py
E2E_TESTS += tests/e2e/test_zkcli.py
E2E_TESTS += tests/e2e/test_limits.py
E2E_TESTS += tests/e2e/test_watch.py
E2E_TESTS += tests/e2e/test_topology.py
E2E_TESTS += tests/e2e/test_members.py
E2E_TESTS += tests/e2e/test_security.py
E2E_TESTS += tests/e2e/test_read_only.py
E2E_TESTS += tests/e2e/test_throttle.py
E2E_TESTS += tests/e2e/test_attach.py
TESTS += $(E2E_TESTS)
EXTRA_DIST += $(E2E_TESTS) \
	tests/e2e/certs.py \
	tests/e2e/digest_md5.py \
	tests/e2e/ensemble.py \
	tests/e2e/harness.py \
	tests/e2e/limits.py \
	tests/e2e/load.py \
	tests/e2e/run \
	tests/e2e/shells.py \
	tests/e2e/wire.py

if HAVE_ZOOKEEPER_C
check_PROGRAMS += tests/e2e/cload tests/e2e/creads
tests_e2e_cload_SOURCES = tests/e2e/cload.c
tests_e2e_cload_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED
tests_e2e_cload_LDADD = -lzookeeper_mt
tests_e2e_creads_SOURCES = tests/e2e/creads.c
tests_e2e_creads_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED
tests_e2e_creads_LDADD = -lzookeeper_mt
endif

check-apache: $(check_PROGRAMS)
	ENGINE=apache top_builddir=. $(srcdir)/tests/e2e/run
.PHONY: check-apache

TESTS += tests/e2e/test_torture.sh
EXTRA_DIST += tests/e2e/test_torture.sh
