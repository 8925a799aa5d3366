# client: the client library, the shell on it, and their unit tests.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
	client/acl_text.c client/acl_text.h \
	client/hosts.c client/hosts.h \
	client/secure.c client/secure.h \
	client/words.c client/words.h \
	client/zk.c client/zk.h client/zk_inner.h \
	client/zk_conn.c \
	client/zk_frame.c \
	client/zk_prove.c \
	client/zk_reply.c \
	client/zk_seek.c \
	client/zk_watch.c

# The shell without its main(), for its tests.
noinst_LIBRARIES += libshell.a
libshell_a_SOURCES = \
	client/zkcli.h \
	client/zkcli_access.c \
	client/zkcli_args.c \
	client/zkcli_commands.c \
	client/zkcli_complete.c \
	client/zkcli_history.c \
	client/zkcli_input.c \
	client/zkcli_members.c \
	client/zkcli_nodes.c \
	client/zkcli_quota.c \
	client/zkcli_run.c \
	client/zkcli_say.c \
	client/zkcli_session.c \
	client/zkcli_tree.c \
	client/zkcli_wait.c \
	client/zkcli_watch.c
libshell_a_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEDIT_CFLAGS)

bin_PROGRAMS += zkcli
zkcli_SOURCES = client/zkcli.c
zkcli_LDADD = libshell.a libclient.a $(SECURE_LIBS) $(LIBEDIT_LIBS) $(JANSSON_LIBS)

if HAVE_CHECK
CLIENT_TESTS = check_client_text check_client_session check_secure
check_PROGRAMS += $(CLIENT_TESTS)
TESTS += $(CLIENT_TESTS)
check_client_text_SOURCES = tests/unit/check_client_text.c tests/unit/unit.h
check_client_text_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_client_text_LDADD = libshell.a libclient.a $(SECURE_LIBS) $(UNIT_LIBS) $(LIBEDIT_LIBS) $(JANSSON_LIBS)
check_secure_SOURCES = tests/unit/check_secure.c tests/unit/unit.h
check_secure_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_secure_LDADD = libclient.a $(SECURE_LIBS) $(UNIT_LIBS)
check_client_session_SOURCES = tests/unit/check_client_session.c tests/unit/unit.h
check_client_session_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_client_session_LDADD = libclient.a $(SECURE_LIBS) $(UNIT_LIBS)
endif
