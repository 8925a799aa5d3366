# tests/interop: ensembles of zkserver and Apache ZooKeeper together. Without Apache ZooKeeper, Java or kazoo it is skipped (77).
# `make check` runs the short form, `make check-interop` all of it; tests/interop/run --minutes N kills at random.
TESTS += tests/interop/check_interop.py
EXTRA_DIST += tests/interop/check_interop.py \
	tests/interop/holes.py tests/interop/kills.py \
	tests/interop/mixed.py \
	tests/interop/run \
	tests/interop/test_groups.py \
	tests/interop/test_mixed_digest.py \
	tests/interop/test_mixed.py \
	tests/interop/test_returns.py

check-interop: $(check_PROGRAMS)
	top_builddir=. $(srcdir)/tests/interop/run
.PHONY: check-interop

# The same sequences to both, answer by answer; by hand on any seed: tests/interop/diff --seeds 200.
TESTS += tests/interop/check_diff.py
EXTRA_DIST += tests/interop/check_diff.py \
	tests/interop/diff \
	tests/interop/diff_cases.py \
	tests/interop/diff_make.py \
	tests/interop/diff_shrink.py \
	tests/interop/diff_side.py \
	tests/interop/diff_steps.py

# kazoo's own tests, on ours.
TESTS += tests/interop/check_kazoo.py
EXTRA_DIST += tests/interop/check_kazoo.py

# Each function of the Apache C client.
TESTS += tests/interop/check_cclient.py
EXTRA_DIST += tests/interop/check_cclient.py
if HAVE_ZOOKEEPER_C
check_PROGRAMS += tests/interop/cflows
tests_interop_cflows_SOURCES = tests/interop/cflows.c
tests_interop_cflows_CPPFLAGS = $(AM_CPPFLAGS) -DTHREADED
tests_interop_cflows_LDADD = -lzookeeper_mt
endif

# Apache Curator's recipes.
TESTS += tests/interop/check_curator.py
EXTRA_DIST += tests/interop/check_curator.py tests/interop/CuratorFlows.java
