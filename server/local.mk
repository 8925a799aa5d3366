# server: files of this folder.
noinst_LIBRARIES += libconf.a
libconf_a_SOURCES = \
	server/conf.c server/conf.h \
	server/conf_servers.c server/conf_servers.h \
	server/properties.c server/properties.h
