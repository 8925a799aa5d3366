# Floor 2: the data.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	server/tree/acl.h \
	server/tree/tree.h \
	server/tree/watch.h
