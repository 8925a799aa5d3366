# tests/interop: ensembles of zkserver and Apache ZooKeeper together. Without Apache ZooKeeper, Java or kazoo it is skipped (77).
# `make check` runs the short form, `make check-interop` all of it; tests/interop/run --minutes N kills at random.
TESTS += tests/interop/check_interop.py
EXTRA_DIST += tests/interop/check_interop.py \
	tests/interop/holes.py tests/interop/kills.py \
	tests/interop/mixed.py \
	tests/interop/run \
	tests/interop/test_mixed.py \
	tests/interop/test_returns.py

check-interop: $(check_PROGRAMS)
	top_builddir=. $(srcdir)/tests/interop/run
.PHONY: check-interop
