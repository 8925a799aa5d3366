# Floor 2, the data. libcore.a is floors 2 to 4: it links with neither libevent nor SQLite.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	server/tree/acl.c server/tree/acl.h \
	server/tree/acl_table.c \
	server/tree/apply.c \
	server/tree/snapshot.c \
	server/tree/tree.c server/tree/tree.h server/tree/tree_private.h \
	server/tree/watch.c server/tree/watch.h

if HAVE_CHECK
TREE_TESTS = check_tree
check_PROGRAMS += $(TREE_TESTS)
TESTS += $(TREE_TESTS)
TREE_TEST_LIBS = libcore.a libwire.a $(CHECK_LIBS) $(CRYPTO_LIBS)
TREE_TEST_MAKERS = tests/unit/txn_make.c tests/unit/txn_make.h tests/unit/unit.h

check_tree_SOURCES = tests/unit/check_tree.c $(TREE_TEST_MAKERS)
check_tree_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
check_tree_LDADD = $(TREE_TEST_LIBS)
endif
