# Floor 2, the data. libcore.a is floors 2 to 4: it links with neither libevent nor SQLite.
noinst_LIBRARIES += libcore.a
libcore_a_SOURCES = \
	server/tree/acl.c server/tree/acl.h \
	server/tree/acl_table.c \
	server/tree/apply.c \
	server/tree/digest.c server/tree/digest.h \
	server/tree/dn.c server/tree/dn.h \
	server/tree/quota.c \
	server/tree/snapshot.c \
	server/tree/tree.c server/tree/tree.h server/tree/tree_private.h \
	server/tree/watch.c server/tree/watch.h \
	server/tree/znode.c server/tree/znode.h \
	server/tree/znode_order.c server/tree/znode_order.h

EXTRA_DIST += tests/unit/apache-log.bin tests/unit/apache-snapshot.bin

if HAVE_CHECK
TREE_TESTS = check_base check_wire check_tree check_apply check_digest check_snapshot check_acl check_watch check_znode check_znode_order
check_PROGRAMS += $(TREE_TESTS)
TESTS += $(TREE_TESTS)
TREE_TEST_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
TREE_TEST_LIBS = libcore.a libwire.a $(CHECK_LIBS) $(CRYPTO_LIBS)
TREE_TEST_MAKERS = tests/unit/txn_make.c tests/unit/txn_make.h tests/unit/unit.h

check_base_SOURCES = tests/unit/check_base.c tests/unit/unit.h
check_base_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_base_LDADD = $(UNIT_LIBS)
check_wire_SOURCES = tests/unit/check_wire.c tests/unit/unit.h
check_wire_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_wire_LDADD = $(UNIT_LIBS)
check_tree_SOURCES = tests/unit/check_tree.c $(TREE_TEST_MAKERS)
check_tree_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_tree_LDADD = $(TREE_TEST_LIBS)
check_apply_SOURCES = tests/unit/check_apply.c $(TREE_TEST_MAKERS)
check_apply_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_apply_LDADD = $(TREE_TEST_LIBS)
check_digest_SOURCES = tests/unit/check_digest.c $(TREE_TEST_MAKERS)
check_digest_CPPFLAGS = $(TREE_TEST_CPPFLAGS) -DUNIT_DIR='"$(abs_top_srcdir)/tests/unit"'
check_digest_LDADD = $(TREE_TEST_LIBS)
check_snapshot_SOURCES = tests/unit/check_snapshot.c $(TREE_TEST_MAKERS)
check_snapshot_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_snapshot_LDADD = $(TREE_TEST_LIBS)
check_acl_SOURCES = tests/unit/check_acl.c tests/unit/unit.h
check_acl_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_acl_LDADD = $(TREE_TEST_LIBS)
check_watch_SOURCES = tests/unit/check_watch.c tests/unit/unit.h
check_watch_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_watch_LDADD = $(TREE_TEST_LIBS)
check_znode_SOURCES = tests/unit/check_znode.c tests/unit/unit.h
check_znode_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_znode_LDADD = $(TREE_TEST_LIBS)
check_znode_order_SOURCES = tests/unit/check_znode_order.c tests/unit/unit.h
check_znode_order_CPPFLAGS = $(TREE_TEST_CPPFLAGS)
check_znode_order_LDADD = $(TREE_TEST_LIBS)
endif
