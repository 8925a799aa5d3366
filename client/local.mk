# client: the client library, the shell on it, and their unit tests.
noinst_LIBRARIES += libclient.a
libclient_a_SOURCES = \
	client/acl_text.c client/acl_text.h \
	client/hosts.c client/hosts.h \
	client/words.c client/words.h \
	client/zk.c client/zk.h client/zk_inner.h \
	client/zk_conn.c \
	client/zk_frame.c \
	client/zk_reply.c \
	client/zk_watch.c

bin_PROGRAMS += zkcli
zkcli_SOURCES = \
	client/zkcli.c client/zkcli.h \
	client/zkcli_access.c \
	client/zkcli_commands.c \
	client/zkcli_input.c \
	client/zkcli_nodes.c \
	client/zkcli_run.c \
	client/zkcli_session.c \
	client/zkcli_show.c \
	client/zkcli_tree.c
zkcli_CPPFLAGS = $(AM_CPPFLAGS) $(LIBEDIT_CFLAGS)
zkcli_LDADD = libclient.a libwire.a $(LIBEDIT_LIBS)
