# tests/fuzz: the same targets over a corpus (corpus_NAME) and with libFuzzer (fuzz_NAME, configure --enable-fuzzers).
check_LIBRARIES += libfuzz.a
libfuzz_a_SOURCES = \
	tests/fuzz/fuzz.h \
	tests/fuzz/host.c tests/fuzz/host.h \
	tests/fuzz/make.c tests/fuzz/make.h
FUZZ_LIBS = libfuzz.a libcore.a libwire.a $(CRYPTO_LIBS)

CORPUS_CHECKS = \
	corpus_apache \
	corpus_records \
	corpus_client \
	corpus_quorum \
	corpus_election \
	corpus_snapshot \
	corpus_txn \
	corpus_text \
	corpus_http \
	corpus_secure
check_PROGRAMS += $(CORPUS_CHECKS)
TESTS += $(CORPUS_CHECKS)

if ENABLE_FUZZERS
noinst_PROGRAMS += \
	fuzz_apache \
	fuzz_records \
	fuzz_client \
	fuzz_quorum \
	fuzz_election \
	fuzz_snapshot \
	fuzz_txn \
	fuzz_text \
	fuzz_http \
	fuzz_secure
endif

# It also shows transactions as the launcher does.
FUZZ_APACHE_LIBS = libfuzz.a liblauncher.a libcore.a libwire.a $(JANSSON_LIBS) $(CRYPTO_LIBS)
corpus_apache_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_apache.c
corpus_apache_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"apache"'
corpus_apache_LDADD = $(FUZZ_APACHE_LIBS)
fuzz_apache_SOURCES = tests/fuzz/fuzz_apache.c
fuzz_apache_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_apache_LDADD = $(FUZZ_APACHE_LIBS)

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

corpus_quorum_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_quorum.c
corpus_quorum_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"quorum"'
corpus_quorum_LDADD = $(FUZZ_LIBS)
fuzz_quorum_SOURCES = tests/fuzz/fuzz_quorum.c
fuzz_quorum_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_quorum_LDADD = $(FUZZ_LIBS)

corpus_election_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_election.c
corpus_election_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"election"'
corpus_election_LDADD = $(FUZZ_LIBS)
fuzz_election_SOURCES = tests/fuzz/fuzz_election.c
fuzz_election_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_election_LDADD = $(FUZZ_LIBS)

corpus_snapshot_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_snapshot.c
corpus_snapshot_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"snapshot"'
corpus_snapshot_LDADD = $(FUZZ_LIBS)
fuzz_snapshot_SOURCES = tests/fuzz/fuzz_snapshot.c
fuzz_snapshot_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_snapshot_LDADD = $(FUZZ_LIBS)

corpus_txn_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_txn.c
corpus_txn_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"txn"'
corpus_txn_LDADD = $(FUZZ_LIBS)
fuzz_txn_SOURCES = tests/fuzz/fuzz_txn.c
fuzz_txn_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_txn_LDADD = $(FUZZ_LIBS)

corpus_text_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_text.c server/control.c
corpus_text_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"text"'
corpus_text_LDADD = libfuzz.a liblauncher.a libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)
fuzz_text_SOURCES = tests/fuzz/fuzz_text.c server/control.c
fuzz_text_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_text_LDADD = libfuzz.a liblauncher.a libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)

FUZZ_HTTP_LIBS = libfuzz.a libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) \
	$(LIBEVENT_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)
corpus_http_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_http.c
corpus_http_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"http"'
corpus_http_LDADD = $(FUZZ_HTTP_LIBS)
fuzz_http_SOURCES = tests/fuzz/fuzz_http.c
fuzz_http_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_http_LDADD = $(FUZZ_HTTP_LIBS)
corpus_secure_SOURCES = tests/fuzz/corpus_main.c tests/fuzz/fuzz_secure.c
corpus_secure_CPPFLAGS = $(AM_CPPFLAGS) -DFUZZ_NAME='"secure"'
corpus_secure_LDADD = libclient.a libfuzz.a libcore.a $(SECURE_LIBS)
fuzz_secure_SOURCES = tests/fuzz/fuzz_secure.c
fuzz_secure_LDFLAGS = $(FUZZ_LDFLAGS)
fuzz_secure_LDADD = libclient.a libfuzz.a libcore.a $(SECURE_LIBS)

EXTRA_DIST += \
	tests/fuzz/corpus/election/last-round \
	tests/fuzz/corpus/quorum/last-epoch \
	tests/fuzz/corpus/secure/quote-in-token \
	tests/fuzz/corpus/secure/response-without-realm \
	tests/fuzz/corpus/text/line-end-in-value \
	tests/fuzz/corpus/txn/snapshot-without-end
CLEANFILES += $(CORPUS_CHECKS:=.crash)
