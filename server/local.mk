# server: files of this folder.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	server/conf.c server/conf.h \
	server/conf_servers.c server/conf_servers.h \
	server/properties.c server/properties.h
EXTRA_DIST += confs/zoo_sample.cfg confs/zoo1.cfg confs/zoo2.cfg confs/zoo3.cfg

if HAVE_CHECK
check_PROGRAMS += check_conf
TESTS += check_conf
check_conf_SOURCES = tests/unit/check_conf.c
check_conf_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) -DCONFS_DIR='"$(abs_top_srcdir)/confs"'
check_conf_LDADD = libconf.a $(UNIT_LIBS)
endif
