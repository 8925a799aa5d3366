# server: files of this folder.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	server/conf.c server/conf.h \
	server/conf_servers.c server/conf_servers.h \
	server/conf_table.c server/conf_table.h \
	server/properties.c server/properties.h

# Floor 7: where decisions meet side effects.
bin_PROGRAMS += zkserver
zkserver_SOURCES = \
	server/control.c server/control.h \
	server/death.c server/death.h \
	server/exit_code.h \
	server/log.c server/log.h \
	server/main.c \
	server/orders.c server/orders.h \
	server/pidfile.c server/pidfile.h \
	server/server.c server/server.h \
	server/verbs.c server/verbs.h \
	server/version.c server/version.h \
	server/words.c server/words.h
zkserver_LDADD = libnet.a libstore.a libcore.a libconf.a libwire.a $(LIBEVENT_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)

EXTRA_DIST += confs/zoo_sample.cfg confs/zoo1.cfg confs/zoo2.cfg confs/zoo3.cfg

if HAVE_CHECK
check_PROGRAMS += check_conf check_net check_shell
TESTS += check_conf check_net check_shell
check_conf_SOURCES = tests/unit/check_conf.c
check_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -DCONFS_DIR='"$(abs_top_srcdir)/confs"'
check_conf_LDADD = libconf.a $(UNIT_LIBS)

check_net_SOURCES = tests/unit/check_net.c
check_net_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_net_LDADD = libnet.a libcore.a $(UNIT_LIBS) $(LIBEVENT_LIBS)

check_shell_SOURCES = tests/unit/check_shell.c server/control.c server/pidfile.c server/version.c server/words.c
check_shell_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_shell_LDADD = libnet.a libcore.a libconf.a $(UNIT_LIBS) $(LIBEVENT_LIBS) $(CRYPTO_LIBS)
endif
