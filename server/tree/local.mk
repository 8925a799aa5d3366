# Floor 2, the data. libcore.a is floors 2 to 4: it links with neither libevent nor SQLite.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	server/tree/acl.c server/tree/acl.h \
	server/tree/acl_table.c \
	server/tree/apply.c \
	server/tree/snapshot.c \
	server/tree/tree.c server/tree/tree.h server/tree/tree_private.h \
	server/tree/watch.c server/tree/watch.h
