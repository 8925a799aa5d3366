# Floors 0 and 1: bytes and records.
noinst_LIBRARIES += libwire.a
libwire_a_SOURCES = \
	lib/base/buf.c lib/base/buf.h \
	lib/base/bytes.c lib/base/bytes.h \
	lib/base/chains.c lib/base/chains.h \
	lib/base/crc32.c lib/base/crc32.h \
	lib/base/cursor.h \
	lib/base/heap.c lib/base/heap.h \
	lib/base/list.h \
	lib/base/map.c lib/base/map.h \
	lib/base/rnd.h \
	lib/base/secret.c lib/base/secret.h \
	lib/base/slice.h \
	lib/base/xalloc.c lib/base/xalloc.h \
	lib/wire/apache_files.c lib/wire/apache_files.h \
	lib/wire/client_records.c lib/wire/client_records.h \
	lib/wire/fact.c lib/wire/fact.h \
	lib/wire/java_text.c lib/wire/java_text.h \
	lib/wire/jute.c lib/wire/jute.h \
	lib/wire/passwd.c lib/wire/passwd.h \
	lib/wire/peer_records.c lib/wire/peer_records.h \
	lib/wire/proto.c lib/wire/proto.h \
	lib/wire/record.c lib/wire/record.h \
	lib/wire/snap_stream.c lib/wire/snap_stream.h \
	lib/wire/txn_records.c lib/wire/txn_records.h

# TLS, SASL and who may what: for the edges of server and client.
noinst_LIBRARIES += libsecure.a
libsecure_a_SOURCES = \
	lib/secure/jaas.c lib/secure/jaas.h \
	lib/secure/sasl.c lib/secure/sasl.h \
	lib/secure/sasl_message.c lib/secure/sasl_message.h \
	lib/secure/sasl_users.c lib/secure/sasl_users.h \
	lib/secure/tls.c lib/secure/tls.h \
	lib/secure/tls_context.c lib/secure/tls_inner.h \
	lib/secure/tls_store.c lib/secure/tls_store.h \
	lib/secure/x509_name.c lib/secure/x509_name.h
libsecure_a_CPPFLAGS = $(AM_CPPFLAGS) $(GSASL_CFLAGS)
SECURE_LIBS = libsecure.a libwire.a $(GSASL_LIBS) $(SSL_LIBS) $(CRYPTO_LIBS)
