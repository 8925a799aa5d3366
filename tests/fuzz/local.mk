# tests/fuzz: the same targets over a corpus (corpus_NAME) and with libFuzzer (fuzz_NAME, configure --enable-fuzzers).
check_LIBRARIES = libfuzz.a
libfuzz_a_SOURCES = \
	tests/fuzz/fuzz.h \
	tests/fuzz/host.c tests/fuzz/host.h \
	tests/fuzz/make.c tests/fuzz/make.h
FUZZ_LIBS = libfuzz.a libcore.a libwire.a $(CRYPTO_LIBS)

CORPUS_CHECKS = \
	corpus_records \
	corpus_client
check_PROGRAMS += $(CORPUS_CHECKS)
TESTS += $(CORPUS_CHECKS)

if ENABLE_FUZZERS
noinst_PROGRAMS += \
	fuzz_records \
	fuzz_client
endif

corpus_records_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_records.c
corpus_records_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"records"'
corpus_records_LDADD = $(FUZZ_LIBS)
fuzz_records_SOURCES = tests/fuzz/fuzz_records.c
fuzz_records_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_records_LDADD = $(FUZZ_LIBS)

corpus_client_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_client.c
corpus_client_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"client"'
corpus_client_LDADD = $(FUZZ_LIBS)
fuzz_client_SOURCES = tests/fuzz/fuzz_client.c
fuzz_client_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_client_LDADD = $(FUZZ_LIBS)
