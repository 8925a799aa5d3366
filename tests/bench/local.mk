# tests/bench: the load generator and the comparison with Apache ZooKeeper.
noinst_PROGRAMS += tests/bench/loadgen
tests_bench_loadgen_SOURCES = \
	tests/bench/load_conn.c tests/bench/load_conn.h \
	tests/bench/load_hist.c tests/bench/load_hist.h \
	tests/bench/load_outage.c \
	tests/bench/load_run.c \
	tests/bench/loadgen.c tests/bench/loadgen.h
tests_bench_loadgen_LDADD = libclient.a $(SECURE_LIBS)
EXTRA_DIST += tests/bench/run tests/bench/ensembles.py tests/bench/limits tests/bench/verbs
