# server: files of this folder.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	server/conf.c server/conf.h \
	server/conf_groups.c server/conf_groups.h \
	server/conf_servers.c server/conf_servers.h \
	server/conf_table.c server/conf_table.h \
	server/properties.c server/properties.h

# Floor 7: where decisions meet side effects. What operators are told is a library of its own, for tests and fuzzers.
noinst_LIBRARIES += libpanel.a
libpanel_a_SOURCES = \
	server/admin_commands.c server/admin_commands.h \
	server/metrics.c server/metrics.h \
	server/page.c server/page.h \
	server/report.c server/report.h \
	server/version.c server/version.h \
	server/panel.c server/panel.h \
	server/words.c server/words.h

bin_PROGRAMS += zkserver
zkserver_SOURCES = \
	server/admin.c server/admin.h \
	server/assemble.c \
	server/control.c server/control.h \
	server/death.c server/death.h \
	server/exit_code.h \
	server/load.c \
	server/log.c server/log.h \
	server/main.c \
	server/orders.c server/orders.h \
	server/parts.h \
	server/pidfile.c server/pidfile.h \
	server/security.c server/security.h \
	server/server.c server/server.h \
	server/status.c server/status.h \
	server/turn.c \
	server/verbs.c server/verbs.h
zkserver_LDADD = libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) $(LIBEVENT_LIBS) $(SQLITE_LIBS)

EXTRA_DIST += confs/zoo_sample.cfg confs/zoo1.cfg confs/zoo2.cfg confs/zoo3.cfg

if HAVE_CHECK
check_PROGRAMS += check_conf check_net check_shell
TESTS += check_conf check_net check_shell
check_conf_SOURCES = tests/unit/check_conf.c
check_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -DCONFS_DIR='"$(abs_top_srcdir)/confs"'
check_conf_LDADD = libconf.a $(UNIT_LIBS)

check_net_SOURCES = tests/unit/check_net.c
check_net_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_net_LDADD = libnet.a libcore.a $(SECURE_LIBS) $(UNIT_LIBS) $(LIBEVENT_LIBS)

check_shell_SOURCES = tests/unit/check_shell.c server/control.c server/pidfile.c
check_shell_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_shell_LDADD = libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) $(UNIT_LIBS) $(LIBEVENT_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS)

check_PROGRAMS += check_panel
TESTS += check_panel
check_panel_SOURCES = tests/unit/check_panel.c
check_panel_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_panel_LDADD = libpanel.a libnet.a libstore.a libcore.a libconf.a $(SECURE_LIBS) $(UNIT_LIBS) $(LIBEVENT_LIBS) $(SQLITE_LIBS) \
	$(JANSSON_LIBS) $(CRYPTO_LIBS)
endif
