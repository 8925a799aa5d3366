#!/usr/bin/env python3
"""What one client sees: sessions, every operation and its errors, ACLs, transactions, watches, order; and what a server
does with bytes that are no protocol. All of it with a single server and through the members of an ensemble of three."""
import base64
import hashlib
import random
import threading
import time
import unittest

import harness
import wire
from ensemble import DEADLINE, Ensemble, wait_for
from harness import Undisturbed, Watched
from kazoo.exceptions import (AuthFailedError, BadVersionError, InvalidACLError, NoAuthError,
                              NoChildrenForEphemeralsError, NodeExistsError, NoNodeError, NotEmptyError,
                              RolledBackError, RuntimeInconsistency)
from kazoo.security import ACL, Id, make_acl, make_digest_acl
from wire import OPEN, Closed, Reader


def digest(user, password):
    return user + ":" + base64.b64encode(hashlib.sha1(("%s:%s" % (user, password)).encode()).digest()).decode()


class ServiceCase(harness.Case):
    """Tests run against the class's ensemble; `a`, `b`, `c` are three members, all the same one if there is only one."""

    MEMBERS = 0

    @classmethod
    def setUpClass(cls):
        if not cls.MEMBERS:
            raise unittest.SkipTest("abstract")
        cls.ens = Ensemble(cls.MEMBERS).start()
        leader = cls.ens.leader()
        others = [m for m in cls.ens.members if m is not leader] or [leader, leader]
        # Clients talk to followers first, then to the leader.
        cls.a, cls.b, cls.c = others[0], others[1], leader

    @classmethod
    def tearDownClass(cls):
        cls.ens.close()

    def pair(self):
        """Two connections with a session each, to two members."""
        return self.conn(self.a.address), self.conn(self.b.address)


class Sessions:
    def test_a_new_session_gets_id_password_and_timeout(self):
        c = self.conn(self.a.address, timeout=7000)
        s = c.session
        self.assertEqual((s.protocol, s.timeout, len(s.passwd), s.read_only, s.length), (0, 7000, 16, False, 37))
        self.assertNotEqual(s.passwd, bytes(16))
        self.assertEqual(s.id >> 56, self.a.sid if self.MEMBERS > 1 else 1)
        d = self.conn(self.a.address)
        self.assertNotEqual(d.session.id, s.id)
        self.assertNotEqual(d.session.passwd, s.passwd)

    def test_the_timeout_is_kept_within_the_configured_limits(self):
        self.assertEqual(self.conn(self.a.address, timeout=1).session.timeout, 400)
        self.assertEqual(self.conn(self.a.address, timeout=0).session.timeout, 400)
        self.assertEqual(self.conn(self.a.address, timeout=2000000000).session.timeout, 60000)

    def test_a_client_without_the_read_only_byte_gets_none(self):
        s = self.conn(self.a.address, read_only=None).session
        self.assertEqual((s.length, s.read_only), (36, None))
        self.assertEqual(self.conn(self.a.address, sid=77, read_only=None).session.length, 36)

    def test_a_read_only_client_is_served_read_write(self):
        c = self.conn(self.a.address, read_only=True)
        self.assertFalse(c.session.read_only)
        c.create(self.fresh())

    def test_a_session_outlives_its_connection(self):
        path = self.fresh()
        c = self.conn(self.a.address)
        c.create(path, flags=wire.EPHEMERAL)
        c.drop()
        d = self.conn(self.a.address, connect=False)
        s = d.resume(c.session)
        self.assertEqual((s.id, s.passwd), (c.session.id, c.session.passwd))
        self.assertEqual(d.exists(path).ephemeral_owner, s.id)

    def test_resuming_renegotiates_the_timeout(self):
        c = self.conn(self.a.address, timeout=5000)
        c.drop()
        d = self.conn(self.a.address, connect=False)
        self.assertEqual(d.resume(c.session, timeout=9000).timeout, 9000)

    def test_resuming_on_the_same_server_closes_the_older_connection(self):
        c = self.conn(self.a.address)
        d = self.conn(self.a.address, connect=False)
        self.assertEqual(d.resume(c.session).id, c.session.id)
        c.expect_close()
        d.create(self.fresh())

    def test_a_wrong_password_is_answered_as_expired(self):
        c = self.conn(self.a.address)
        path = c.create(self.fresh(), flags=wire.EPHEMERAL)
        for read_only, length in ((False, 37), (None, 36)):
            d = self.conn(self.a.address, connect=False)
            s = d.connect(sid=c.session.id, passwd=b"0123456789abcdef", read_only=read_only)
            self.assertEqual((s.protocol, s.timeout, s.id, s.passwd, s.length), (0, 0, 0, bytes(16), length))
            d.expect_close()
        self.assertIsNotNone(self.conn(self.a.address).exists(path))

    def test_unknown_sessions_are_answered_as_expired(self):
        for sid in (1, 77, 0x0100000000000000, -5, (1 << 63) - 1):
            d = self.conn(self.a.address, connect=False)
            s = d.connect(sid=sid)
            self.assertEqual((s.timeout, s.id, s.passwd), (0, 0, bytes(16)))
            d.expect_close()

    def test_closing_answers_then_closes_and_the_session_is_gone(self):
        c = self.conn(self.a.address)
        path = c.create(self.fresh(), flags=wire.EPHEMERAL)
        zxid = c.close_session().zxid
        d = self.conn(self.a.address, connect=False)
        self.assertEqual(d.resume(c.session).timeout, 0)
        d.expect_close()
        e = self.conn(self.a.address)
        self.assertIsNone(e.exists(path))
        self.assertEqual(e.exists("/").pzxid, zxid)

    def test_a_client_that_has_seen_the_future_is_refused(self):
        c = self.conn(self.a.address, connect=False)
        with self.assertRaises(Closed):
            c.connect(last_zxid=(1 << 62))
        now = self.conn(self.a.address).ok(wire.EXISTS, wire.watched("/")).zxid
        self.assertNotEqual(self.conn(self.a.address, last_zxid=now).session.id, 0)

    def test_pings_are_answered(self):
        c = self.conn(self.a.address)
        self.assertEqual(c.call(wire.PING, xid=wire.PING_XID).err, 0)
        c.send(wire.PING, xid=4711)
        self.assertEqual(c.reply().xid, wire.PING_XID)

    def test_a_silent_session_expires_and_a_pinging_one_does_not(self):
        quiet, lively = self.conn(self.a.address, timeout=1000), self.conn(self.a.address, timeout=1000)
        root = lively.create(self.fresh())
        gone, there = root + "/quiet", root + "/lively"
        lively.create(there, flags=wire.EPHEMERAL)
        watcher = self.conn(self.b.address)
        watcher.sync()
        quiet.create(gone, flags=wire.EPHEMERAL)
        silent_since = time.monotonic()
        watcher.sync()
        watcher.exists(gone, watch=True)
        watcher.children(root, watch=True)
        stop = threading.Event()

        def ping():
            while not stop.wait(0.2):
                lively.ping()
                watcher.ping()
        pinger = threading.Thread(target=ping, daemon=True)
        pinger.start()
        try:
            wait_for("the silent session's connection to be closed", lambda: self.closed(quiet))
            self.assertGreaterEqual(time.monotonic() - silent_since, 0.95)
            wait_for("both events", lambda: len(watcher.events) == 2)
        finally:
            stop.set()
            pinger.join()
        self.assertEqual(watcher.events, [(wire.DELETED, 3, gone), (wire.CHILD, 3, root)])
        self.assertIsNone(watcher.exists(gone))
        self.assertIsNotNone(watcher.exists(there))
        late = self.conn(self.a.address, connect=False)
        self.assertEqual(late.resume(quiet.session).timeout, 0)

    @staticmethod
    def closed(conn):
        conn.sock.settimeout(0.05)
        try:
            return conn.sock.recv(1) == b""
        except ConnectionError:
            return True
        except OSError:
            return False

    def test_a_request_on_a_closed_session_is_not_served(self):
        c = self.conn(self.a.address)
        c.send(wire.CLOSE)
        try:
            c.send(wire.CREATE, wire.create("/after-close"))
        except OSError:
            pass
        self.assertEqual(c.reply().err, 0)
        c.expect_close()
        self.assertIsNone(self.conn(self.a.address).exists("/after-close"))

    def test_kazoo_starts_resumes_and_stops(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, b"x", flags=wire.EPHEMERAL)
        c.drop()
        zk = self.kazoo(self.a.hosts, client_id=(c.session.id, c.session.passwd))
        self.assertEqual(zk.client_id, (c.session.id, c.session.passwd))
        self.assertEqual(zk.get(path)[1].ephemeralOwner, c.session.id)
        zk.stop()
        self.assertIsNone(self.conn(self.a.address).exists(path))


class Operations:
    def test_create_persistent(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        self.assertEqual(zk.create(path, b"hello"), path)
        data, stat = zk.get(path)
        self.assertEqual(data, b"hello")
        self.assertEqual((stat.version, stat.cversion, stat.aversion, stat.ephemeralOwner, stat.dataLength,
                          stat.numChildren), (0, 0, 0, 0, 5, 0))
        self.assertEqual((stat.czxid, stat.czxid), (stat.mzxid, stat.pzxid))
        self.assertEqual(stat.ctime, stat.mtime)
        self.assertLess(abs(stat.ctime / 1000.0 - time.time()), 60)

    def test_create_ephemeral_goes_with_its_session(self):
        zk, other, path = self.kazoo(self.a.hosts), self.kazoo(self.b.hosts), self.fresh()
        zk.create(path, ephemeral=True)
        other.sync("/")
        self.assertEqual(other.exists(path).ephemeralOwner, zk.client_id[0])
        zk.stop()
        other.sync("/")
        self.assertIsNone(other.exists(path))

    def test_sequences_count_the_children_ever_made(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root)
        self.assertEqual(zk.create(root + "/s-", sequence=True), root + "/s-0000000000")
        self.assertEqual(zk.create(root + "/e-", sequence=True, ephemeral=True), root + "/e-0000000001")
        zk.create(root + "/plain")
        zk.delete(root + "/plain")
        self.assertEqual(zk.create(root + "/s-", sequence=True), root + "/s-0000000003")
        with self.assertRaises(NodeExistsError):
            zk.create(root + "/s-0000000003")
        self.assertEqual(zk.create(root + "/", sequence=True), root + "/0000000004")
        zk.delete(root + "/s-0000000000")
        self.assertEqual(zk.create(root + "/s-", sequence=True), root + "/s-0000000005")

    def test_sequences_from_many_clients_are_all_different(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root)
        conns = [self.conn(m.address) for m in (self.a, self.b, self.c)]
        for c in conns:
            c.sync()
        for _ in range(40):
            for c in conns:
                c.send(wire.CREATE, wire.create(root + "/n-", flags=wire.SEQUENTIAL))
        names = [Reader(c.reply().body).str() for _ in range(40) for c in conns]
        self.assertEqual(sorted(names), [root + "/n-%010d" % i for i in range(120)])
        for k, _ in enumerate(conns):
            self.assertEqual(names[k::3], sorted(names[k::3]))

    def test_create2_returns_the_stat(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        made, stat = zk.create(path, b"abc", include_data=True)
        self.assertEqual(made, path)
        self.assertEqual((stat.version, stat.dataLength), (0, 3))
        self.assertEqual(zk.get(path)[1], stat)
        made, stat = zk.create(path + "/e-", b"", ephemeral=True, sequence=True, include_data=True)
        self.assertEqual((made, stat.ephemeralOwner), (path + "/e-0000000000", zk.client_id[0]))

    def test_containers_are_made_and_keep_no_owner(self):
        c, path = self.conn(self.a.address), self.fresh()
        r = Reader(c.ok(wire.CREATE_CONTAINER, wire.create(path, b"x", wire.CONTAINER)).body)
        self.assertEqual(r.str(), path)
        self.assertEqual(r.stat().ephemeral_owner, 0)
        r.done()
        self.assertEqual(c.create(path + "/child"), path + "/child")

    def test_empty_and_null_data_differ(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, None)
        self.assertEqual((c.get(path)[0], c.get(path)[1].data_length), (None, 0))
        c.set(path, b"")
        self.assertEqual(c.get(path)[0], b"")
        c.set(path, None)
        self.assertIsNone(c.get(path)[0])

    def test_data_up_to_a_megabyte(self):
        c, path = self.conn(self.a.address), self.fresh()
        big = bytes(random.Random(5).randrange(256) for _ in range(1000)) * 1000
        c.create(path, big)
        self.assertEqual(c.get(path)[0], big)
        other = self.conn(self.b.address)
        other.sync()
        self.assertEqual(other.get(path)[0], big)

    def test_set_moves_version_time_and_zxid(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        zk.create(path, b"1")
        before = zk.exists(path)
        after = zk.set(path, b"22", version=0)
        self.assertEqual((after.version, after.dataLength, after.czxid, after.pzxid, after.ctime),
                         (1, 2, before.czxid, before.pzxid, before.ctime))
        self.assertGreater(after.mzxid, before.mzxid)
        self.assertGreaterEqual(after.mtime, before.mtime)
        self.assertEqual(zk.get(path), (b"22", after))
        self.assertEqual(zk.set(path, b"", version=-1).version, 2)

    def test_children_move_the_parents_cversion_and_pzxid(self):
        c, root = self.conn(self.a.address), self.fresh()
        c.create(root)
        made = c.ok(wire.CREATE, wire.create(root + "/x")).zxid
        stat = c.exists(root)
        self.assertEqual((stat.cversion, stat.num_children, stat.pzxid, stat.version), (1, 1, made, 0))
        gone = c.ok(wire.DELETE, wire.versioned(root + "/x")).zxid
        stat = c.exists(root)
        self.assertEqual((stat.cversion, stat.num_children, stat.pzxid), (2, 0, gone))
        self.assertEqual(stat.mzxid, stat.czxid)

    def test_the_zxid_grows_by_one_with_each_write_also_failed_ones(self):
        if self.MEMBERS > 1:
            self.skipTest("other sessions may come and go in between")
        c, root = self.conn(self.a.address), self.fresh()
        first = c.ok(wire.CREATE, wire.create(root)).zxid
        self.assertEqual(c.call(wire.CREATE, wire.create(root)).zxid, first + 1)
        self.assertEqual(c.call(wire.DELETE, wire.versioned("/none")).zxid, first + 2)
        self.assertEqual(c.ok(wire.EXISTS, wire.watched(root)).zxid, first + 2)
        self.assertEqual(c.ok(wire.SET, wire.set_data(root, b"")).zxid, first + 3)
        self.assertEqual(c.exists(root).mzxid, first + 3)

    def test_get_children_and_children2(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root)
        self.assertEqual(zk.get_children(root), [])
        for name in ("b", "a", "c"):
            zk.create(root + "/" + name)
        self.assertEqual(sorted(zk.get_children(root)), ["a", "b", "c"])
        names, stat = zk.get_children(root, include_data=True)
        self.assertEqual((sorted(names), stat.numChildren, stat.cversion), (["a", "b", "c"], 3, 3))
        self.assertEqual(stat, zk.exists(root))

    def test_delete(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        zk.create(path)
        zk.set(path, b"x")
        with self.assertRaises(BadVersionError):
            zk.delete(path, version=0)
        zk.delete(path, version=1)
        self.assertIsNone(zk.exists(path))

    def test_exists(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        self.assertIsNone(zk.exists(path))
        zk.create(path)
        self.assertEqual(zk.exists(path).version, 0)

    def test_sync_echoes_the_path_and_makes_others_writes_visible(self):
        c, d = self.pair()
        path = self.fresh()
        for n in range(30):
            c.create(path + "-%d" % n)
            self.assertEqual(Reader(d.sync("/not/there").body).str(), "/not/there")
            self.assertIsNotNone(d.exists(path + "-%d" % n))

    def test_every_documented_failure(self):
        c = self.conn(self.a.address)
        root = c.create(self.fresh())
        eph = c.create(root + "/eph", flags=wire.EPHEMERAL)
        none = root + "/none"
        w = wire
        cases = [
            ("no node to get", w.GET, w.watched(none), w.NO_NODE),
            ("no node to exist", w.EXISTS, w.watched(none), w.NO_NODE),
            ("no node to set", w.SET, w.set_data(none, b""), w.NO_NODE),
            ("no node to delete", w.DELETE, w.versioned(none), w.NO_NODE),
            ("no node to list", w.CHILDREN, w.watched(none), w.NO_NODE),
            ("no node to list with stat", w.CHILDREN2, w.watched(none), w.NO_NODE),
            ("no node's ACL", w.GET_ACL, w.buf(none), w.NO_NODE),
            ("no node to protect", w.SET_ACL, w.buf(none) + w.vec(w.acl(OPEN)) + w.i(-1), w.NO_NODE),
            ("no node to check", w.CHECK, w.versioned(none), w.NO_NODE),
            ("no parent", w.CREATE, w.create(none + "/x"), w.NO_NODE),
            ("no parent, create2", w.CREATE2, w.create(none + "/x"), w.NO_NODE),
            ("node exists", w.CREATE, w.create(root), w.NODE_EXISTS),
            ("the root exists", w.CREATE, w.create("/"), w.NODE_EXISTS),
            ("wrong version to set", w.SET, w.set_data(root, b"", 7), w.BAD_VERSION),
            ("wrong version to delete", w.DELETE, w.versioned(eph, 7), w.BAD_VERSION),
            ("wrong version to check", w.CHECK, w.versioned(root, 7), w.BAD_VERSION),
            ("wrong version of the ACL", w.SET_ACL, w.buf(root) + w.vec(w.acl(OPEN)) + w.i(7), w.BAD_VERSION),
            ("children to delete", w.DELETE, w.versioned(root), w.NOT_EMPTY),
            ("child of an ephemeral", w.CREATE, w.create(eph + "/x"), w.NO_CHILDREN_FOR_EPHEMERALS),
            ("null ACL", w.CREATE, w.create(none, entries=None), w.INVALID_ACL),
            ("empty ACL", w.CREATE, w.create(none, entries=[]), w.INVALID_ACL),
            ("unknown scheme", w.CREATE, w.create(none, entries=[(31, "nonsense", "x")]), w.INVALID_ACL),
            ("world but not anyone", w.CREATE, w.create(none, entries=[(31, "world", "me")]), w.INVALID_ACL),
            ("auth without any", w.CREATE, w.create(none, entries=[(31, "auth", "")]), w.INVALID_ACL),
            ("digest without a hash", w.CREATE, w.create(none, entries=[(31, "digest", "user")]), w.INVALID_ACL),
            ("ip that is none", w.CREATE, w.create(none, entries=[(31, "ip", "1.2.3")]), w.INVALID_ACL),
            ("ip with too many bits", w.CREATE, w.create(none, entries=[(31, "ip", "1.2.3.4/33")]), w.INVALID_ACL),
            ("super cannot be given", w.CREATE, w.create(none, entries=[(31, "super", "x")]), w.INVALID_ACL),
            ("empty ACL to set", w.SET_ACL, w.buf(root) + w.vec([]) + w.i(-1), w.INVALID_ACL),
            ("flags out of range", w.CREATE, w.create(none, flags=7), w.BAD_ARGUMENTS),
            ("negative flags", w.CREATE, w.create(none, flags=-1), w.BAD_ARGUMENTS),
            ("relative path", w.CREATE, w.create("relative"), w.BAD_ARGUMENTS),
            ("empty path", w.CREATE, w.create(""), w.BAD_ARGUMENTS),
            ("path that ends in a slash", w.CREATE, w.create(root + "/x/"), w.NO_NODE),
            ("ends in a slash, parent is there", w.CREATE, w.create(root + "/"), w.BAD_ARGUMENTS),
            ("empty component", w.CREATE, w.create(root + "//x"), None),
            ("a dot", w.CREATE, w.create(root + "/."), w.BAD_ARGUMENTS),
            ("two dots", w.CREATE, w.create(root + "/.."), w.BAD_ARGUMENTS),
            ("control character", w.CREATE, w.create(root + "/\x01"), w.BAD_ARGUMENTS),
            ("NUL", w.CREATE, w.create(root + "/\x00"), w.BAD_ARGUMENTS),
            ("private use", w.CREATE, w.create(root + "/\ue000"), w.BAD_ARGUMENTS),
            ("supplementary", w.CREATE, w.create(root + "/\U0001F600"), w.BAD_ARGUMENTS),
            ("set of a bad path", w.SET, w.set_data("x", b""), w.BAD_ARGUMENTS),
            ("delete of the root", w.DELETE, w.versioned("/"), w.BAD_ARGUMENTS),
            ("delete of /zookeeper", w.DELETE, w.versioned("/zookeeper"), w.BAD_ARGUMENTS),
            ("delete of the quota node", w.DELETE, w.versioned("/zookeeper/quota"), w.BAD_ARGUMENTS),
        ]
        got = {}
        for name, op, body, expected in cases:
            got[name] = c.err(op, body)
        wrong = ["%s: %d, not %d" % (n, got[n], e) for n, _, _, e in cases if e is not None and got[n] != e]
        self.assertEqual(wrong, [])
        self.assertEqual(c.children(root), ["eph"])
        self.assertIn(got["empty component"], (w.NO_NODE, w.BAD_ARGUMENTS))

    def test_failures_of_newer_operations(self):
        root, w = self.conn(self.a.address).create(self.fresh()), wire
        none = root + "/none"
        for name, op, body, expected in (
                ("TTL while it is off", w.CREATE_TTL, w.create(none, flags=w.TTL) + w.q(1000), w.UNIMPLEMENTED),
                ("reconfig while it is off", 16, w.buf(None) * 2 + w.buf("") + w.q(-1), w.RECONFIG_DISABLED),
                ("watch to remove that is none", w.REMOVE_WATCHES, w.versioned(root, 3), w.NO_WATCHER),
                ("watch to check that is none", w.CHECK_WATCHES, w.versioned(root, 3), w.NO_WATCHER),
                ("watch mode that is none", w.ADD_WATCH, w.versioned(root, 9), w.MARSHALLING)):
            c = self.conn(self.a.address)
            c.sync()
            with self.subTest(name):
                self.assertEqual(c.err(op, body), expected)
                # The connection stays, which an operation that is unknown would have ended.
                self.assertIsNotNone(c.exists(root))

    def test_kazoo_raises_the_right_exceptions(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root)
        zk.create(root + "/e", ephemeral=True)
        for error, call in ((NoNodeError, lambda: zk.get(root + "/none")),
                            (NodeExistsError, lambda: zk.create(root)),
                            (BadVersionError, lambda: zk.set(root, b"", version=3)),
                            (NotEmptyError, lambda: zk.delete(root)),
                            (NoChildrenForEphemeralsError, lambda: zk.create(root + "/e/x")),
                            (InvalidACLError, lambda: zk.create(root + "/i", acl=[ACL(31, Id("no", "such"))]))):
            with self.subTest(error.__name__), self.assertRaises(error):
                call()

    def test_unusual_but_legal_names(self):
        c, root = self.conn(self.a.address), self.fresh()
        c.create(root)
        names = ["...", ".a", "a.", " ", "a b", "ü", "日本", "a=b&c?d#e", "x" * 5000]
        for name in names:
            c.create(root + "/" + name, name.encode())
        self.assertEqual(c.children(root), sorted(names))
        for name in names:
            self.assertEqual(c.get(root + "/" + name)[0], name.encode())

    def test_deep_paths(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path)
        for depth in range(200):
            path += "/d"
            c.send(wire.CREATE, wire.create(path, b"%d" % depth))
        self.assertEqual({c.reply().err for _ in range(200)}, {0})
        self.assertEqual(c.get(path)[0], b"199")

    def test_get_ephemerals_and_all_children_number(self):
        c, root = self.conn(self.a.address), self.fresh()
        c.create(root)
        paths = [c.create(root + "/e-", flags=wire.EPHEMERAL_SEQUENTIAL) for _ in range(3)]
        c.create(root + "/p")
        self.assertEqual(sorted(Reader(c.ok(wire.EPHEMERALS, wire.buf(root)).body).strs()), paths)
        self.assertEqual(Reader(c.ok(wire.EPHEMERALS, wire.buf("/elsewhere")).body).strs(), [])
        self.assertEqual(Reader(c.ok(wire.ALL_CHILDREN, wire.buf(root)).body).take("i"), 4)

    def test_who_am_i(self):
        c = self.conn(self.a.address)
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("me:pw"), xid=wire.AUTH_XID)
        r = Reader(c.ok(wire.WHO_AM_I).body)
        self.assertEqual(sorted((r.str(), r.str()) for _ in range(r.take("i"))),
                         [("digest", "me"), ("ip", "127.0.0.1")])

    def test_the_tree_that_a_new_server_has(self):
        c = self.conn(self.a.address)
        self.assertEqual(c.children("/zookeeper"), ["config", "quota"])
        stat = c.exists("/zookeeper")
        self.assertEqual((stat.czxid, stat.cversion, stat.num_children), (0, -2, 2))
        config, stat = c.get("/zookeeper/config")
        self.assertEqual(stat.aversion, -1)
        if self.MEMBERS > 1:
            for m in self.ens.members:
                self.assertIn(b"server.%d=127.0.0.1:%d:%d:participant" % (m.sid, m.quorum_port, m.election_port), config)
            self.assertTrue(config.endswith(b"version=0"), config)
        else:
            self.assertEqual(config, b"")

    def test_multi_read(self):
        c, root = self.conn(self.a.address), self.fresh()
        c.create(root, b"data")
        c.create(root + "/x")
        results = wire.read_multi(c.ok(wire.MULTI_READ, wire.multi(
            (wire.GET, wire.watched(root)), (wire.CHILDREN, wire.watched(root)), (wire.GET, wire.watched("/none")))).body)
        self.assertEqual(results[0][:2] + results[0][2][:1], (wire.GET, 0, b"data"))
        self.assertEqual(results[1], (wire.CHILDREN, 0, ["x"]))
        self.assertEqual(results[2], (-1, wire.NO_NODE, wire.NO_NODE))


class Acls:
    def test_world_without_read(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        zk.create(path, b"x", acl=[make_acl("world", "anyone", write=True, create=True)])
        with self.assertRaises(NoAuthError):
            zk.get(path)
        with self.assertRaises(NoAuthError):
            zk.get_children(path)
        with self.assertRaises(NoAuthError):
            zk.get_acls(path)
        with self.assertRaises(NoAuthError):
            zk.set_acls(path, [make_acl("world", "anyone", all=True)])
        self.assertIsNotNone(zk.exists(path))
        zk.set(path, b"y")
        zk.create(path + "/child")
        with self.assertRaises(NoAuthError):
            zk.delete(path + "/child")

    def test_every_permission_guards_its_operations(self):
        admin = self.conn(self.a.address)
        w = wire
        needs = {w.GET: w.READ, w.CHILDREN: w.READ, w.CHILDREN2: w.READ, w.CHECK: w.READ, w.SET: w.WRITE,
                 w.CREATE: w.CREATE_PERM, w.DELETE: w.DELETE_PERM, w.SET_ACL: w.ADMIN}
        for bit in (w.READ, w.WRITE, w.CREATE_PERM, w.DELETE_PERM, w.ADMIN):
            path = self.fresh()
            # Another identity may prepare; anyone has all but one permission.
            owner = self.conn(self.a.address)
            owner.ok(w.AUTH, w.i(0) + w.buf("digest") + w.buf("owner:pw"), xid=w.AUTH_XID)
            owner.create(path, entries=[(w.ALL & ~bit, "world", "anyone"), (w.ALL, "digest", digest("owner", "pw"))])
            owner.create(path + "/old")
            for op, body in ((w.GET, w.watched(path)), (w.CHILDREN, w.watched(path)), (w.CHILDREN2, w.watched(path)),
                             (w.SET, w.set_data(path, b"")), (w.CREATE, w.create(path + "/new")),
                             (w.DELETE, w.versioned(path + "/old")),
                             (w.SET_ACL, w.buf(path) + w.vec(w.acl(
                                 [(w.ALL & ~bit, "world", "anyone"), (w.ALL, "digest", digest("owner", "pw"))])) + w.i(-1))):
                expected = w.NO_AUTH if needs[op] == bit else 0
                with self.subTest("operation %d without permission %d" % (op, bit)):
                    self.assertEqual(admin.err(op, body), expected)

    def test_digest(self):
        owner, stranger, path = self.kazoo(self.a.hosts), self.kazoo(self.b.hosts), self.fresh()
        owner.create(path, b"secret", acl=[make_digest_acl("user", "pass", all=True)])
        for zk in (owner, stranger):
            zk.sync("/")
            with self.assertRaises(NoAuthError):
                zk.get(path)
        owner.add_auth("digest", "user:pass")
        self.assertEqual(owner.get(path)[0], b"secret")
        stranger.add_auth("digest", "user:wrong")
        with self.assertRaises(NoAuthError):
            stranger.get(path)
        stranger.add_auth("digest", "user:pass")
        self.assertEqual(stranger.get(path)[0], b"secret")
        self.assertEqual(stranger.set(path, b"changed").version, 1)

    def test_auth_stands_for_all_my_digests(self):
        c, path = self.conn(self.a.address), self.fresh()
        for who in ("one:1", "two:2"):
            c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf(who), xid=wire.AUTH_XID)
        c.create(path, entries=[(wire.ALL, "auth", "")])
        r = Reader(c.ok(wire.GET_ACL, wire.buf(path)).body)
        self.assertEqual(sorted(r.acls()), [(31, "digest", digest("one", "1")), (31, "digest", digest("two", "2"))])
        self.assertEqual(r.stat(), c.exists(path))
        d = self.conn(self.b.address)
        d.sync()
        self.assertEqual(d.err(wire.GET, wire.watched(path)), wire.NO_AUTH)
        d.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("two:2"), xid=wire.AUTH_XID)
        self.assertEqual(d.get(path)[0], b"")

    def test_ip(self):
        c = self.conn(self.a.address)
        for entry, expected in (("127.0.0.1", 0), ("127.0.0.1/32", 0), ("127.0.0.0/8", 0), ("126.0.0.0/7", 0),
                                ("0.0.0.0/0", 0), ("127.0.0.2", wire.NO_AUTH), ("10.0.0.0/8", wire.NO_AUTH)):
            path = c.create(self.fresh(), entries=[(wire.ALL, "ip", entry)])
            with self.subTest(entry):
                self.assertEqual(c.err(wire.GET, wire.watched(path)), expected)

    def test_get_acl_hides_hashes_from_all_but_admins(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, entries=[(wire.READ, "world", "anyone"), (wire.ALL, "digest", digest("u", "p"))])
        self.assertEqual(sorted(Reader(c.ok(wire.GET_ACL, wire.buf(path)).body).acls()),
                         [(1, "world", "anyone"), (31, "digest", "u:x")])
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("u:p"), xid=wire.AUTH_XID)
        self.assertEqual(sorted(Reader(c.ok(wire.GET_ACL, wire.buf(path)).body).acls()),
                         [(1, "world", "anyone"), (31, "digest", digest("u", "p"))])

    def test_set_acl_counts_aversion_only(self):
        zk, path = self.kazoo(self.a.hosts), self.fresh()
        zk.create(path)
        before = zk.exists(path)
        stat = zk.set_acls(path, [make_acl("world", "anyone", read=True, admin=True)], version=0)
        self.assertEqual(stat._replace(aversion=0), before)
        self.assertEqual(stat.aversion, 1)
        with self.assertRaises(BadVersionError):
            zk.set_acls(path, [make_acl("world", "anyone", all=True)], version=0)
        with self.assertRaises(NoAuthError):
            zk.set(path, b"")
        self.assertEqual(zk.get_acls(path)[0], [make_acl("world", "anyone", read=True, admin=True)])

    def test_equal_entries_are_kept_once(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, entries=OPEN * 3 + [(1, "ip", "10.0.0.1")])
        self.assertEqual(sorted(Reader(c.ok(wire.GET_ACL, wire.buf(path)).body).acls()),
                         [(1, "ip", "10.0.0.1"), (31, "world", "anyone")])

    def test_failed_auth_answers_and_closes(self):
        for scheme in ("nonsense", "sasl"):
            c = self.conn(self.a.address)
            self.assertEqual(c.call(wire.AUTH, wire.i(0) + wire.buf(scheme) + wire.buf("x"), xid=wire.AUTH_XID).err,
                             wire.AUTH_FAILED)
            c.expect_close()
            self.assertEqual(self.conn(self.a.address, connect=False).resume(c.session).id, c.session.id)
        zk = self.kazoo(self.a.hosts)
        with self.assertRaises(AuthFailedError):
            zk.add_auth("nonsense", "x:y")

    def test_sasl_without_a_configuration_gets_a_null_token(self):
        c = self.conn(self.a.address)
        reply = c.ok(wire.SASL, wire.buf(b"token"))
        r = Reader(reply.body)
        self.assertIsNone(r.buf())
        r.done()
        c.create(self.fresh())

    def test_identities_do_not_outlive_the_connection(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("u:p"), xid=wire.AUTH_XID)
        c.create(path, entries=[(31, "auth", "")])
        c.drop()
        d = self.conn(self.a.address, connect=False)
        d.resume(c.session)
        self.assertEqual(d.err(wire.GET, wire.watched(path)), wire.NO_AUTH)


class Transactions:
    def test_all_kinds_at_once(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root, b"0")
        zk.create(root + "/old")
        t = zk.transaction()
        t.check(root, 0)
        t.create(root + "/new", b"n")
        t.create(root + "/s-", sequence=True)
        t.set_data(root, b"1", 0)
        t.delete(root + "/old", 0)
        t.create(root + "/new/below", ephemeral=True)
        results = t.commit()
        self.assertEqual(results[:3], [True, root + "/new", root + "/s-0000000002"])
        self.assertEqual(results[3].version, 1)
        self.assertEqual(results[4:], [True, root + "/new/below"])
        self.assertEqual(sorted(zk.get_children(root)), ["new", "s-0000000002"])
        mzxid = zk.exists(root).mzxid
        self.assertEqual({zk.exists(root + p).czxid for p in ("/new", "/s-0000000002", "/new/below")}, {mzxid})

    def test_a_failing_one_does_nothing_and_says_where_it_failed(self):
        c, root = self.conn(self.a.address), self.fresh()
        c.create(root)
        w = wire
        before = c.exists(root)
        for name, bad, error in (("check", (w.CHECK, w.versioned(root, 5)), w.BAD_VERSION),
                                 ("create", (w.CREATE, w.create(root)), w.NODE_EXISTS),
                                 ("set", (w.SET, w.set_data(root + "/none", b"")), w.NO_NODE),
                                 ("delete", (w.DELETE, w.versioned(root + "/none")), w.NO_NODE),
                                 ("not empty", (w.DELETE, w.versioned(root)), w.NOT_EMPTY),
                                 ("acl", (w.CREATE, w.create(root + "/z", entries=[])), w.INVALID_ACL),
                                 ("path", (w.CREATE, w.create("bad")), w.BAD_ARGUMENTS)):
            ops = [(w.CREATE, w.create(root + "/a")), (w.SET, w.set_data(root, b"new")), bad,
                   (w.CREATE, w.create(root + "/b")), (w.DELETE, w.versioned(root + "/a"))]
            results = c.multi(*ops)
            with self.subTest(name):
                self.assertEqual([(kind, err) for kind, err, _ in results],
                                 [(-1, 0), (-1, 0), (-1, error), (-1, w.RUNTIME), (-1, w.RUNTIME)])
                self.assertEqual((c.exists(root), c.children(root)), (before, []))
        c.create(root + "/s-", flags=w.SEQUENTIAL)
        self.assertEqual(c.children(root), ["s-0000000000"])

    def test_kazoo_sees_the_exact_error_list(self):
        zk, root = self.kazoo(self.a.hosts), self.fresh()
        zk.create(root)
        t = zk.transaction()
        t.create(root + "/a")
        t.delete(root + "/none")
        t.create(root + "/b")
        self.assertEqual([type(r) for r in t.commit()], [RolledBackError, NoNodeError, RuntimeInconsistency])
        self.assertEqual(zk.get_children(root), [])

    def test_later_operations_see_earlier_ones(self):
        c, root = self.conn(self.a.address), self.fresh()
        w = wire
        results = c.multi((w.CREATE, w.create(root)), (w.CREATE, w.create(root + "/x")), (w.SET, w.set_data(root, b"1", 0)),
                          (w.CHECK, w.versioned(root, 1)), (w.DELETE, w.versioned(root + "/x")),
                          (w.CREATE, w.create(root + "/s", flags=2)), (w.CREATE, w.create(root + "/s", flags=2)))
        self.assertEqual([err for _, err, _ in results], [0] * 7)
        self.assertEqual(c.children(root), ["s0000000001", "s0000000002"])

    def test_an_empty_one_takes_a_zxid(self):
        c = self.conn(self.a.address)
        before = c.ok(wire.EXISTS, wire.watched("/")).zxid
        reply = c.ok(wire.MULTI, wire.multi())
        self.assertEqual(wire.read_multi(reply.body), [])
        self.assertGreater(reply.zxid, before)

    def test_reads_in_one_are_refused(self):
        c = self.conn(self.a.address)
        self.assertEqual(c.err(wire.MULTI, wire.multi((wire.GET, wire.watched("/")))), wire.MARSHALLING)
        self.assertEqual(c.err(wire.MULTI, wire.multi((wire.CREATE, wire.create("/nope")), (wire.GET, wire.watched("/")))),
                         wire.MARSHALLING)
        self.assertIsNone(c.exists("/nope"))

    def test_watches_fire_once_for_each_change(self):
        c, d = self.pair()
        root = c.create(self.fresh())
        d.sync()
        d.get(root, watch=True)
        d.children(root, watch=True)
        c.multi((wire.SET, wire.set_data(root, b"1")), (wire.CREATE, wire.create(root + "/x")),
                (wire.SET, wire.set_data(root, b"2")))
        self.assertEqual([d.event(), d.event()], [(wire.CHANGED, 3, root), (wire.CHILD, 3, root)])
        d.sync()
        self.assertEqual(d.events, [])


class Watches:
    def test_data_exists_and_child_watches_with_kazoo(self):
        zk, other, root = self.kazoo(self.a.hosts), self.kazoo(self.b.hosts), self.fresh()
        other.create(root)
        zk.sync("/")
        seen = Watched()
        zk.get(root, watch=seen)
        other.set(root, b"1")
        self.assertEqual(seen.wait(1), [("CHANGED", root)])
        seen = Watched()
        self.assertIsNone(zk.exists(root + "/x", watch=seen))
        other.create(root + "/x")
        self.assertEqual(seen.wait(1), [("CREATED", root + "/x")])
        seen = Watched()
        zk.exists(root + "/x", watch=seen)
        other.delete(root + "/x")
        self.assertEqual(seen.wait(1), [("DELETED", root + "/x")])
        seen = Watched()
        zk.get_children(root, watch=seen)
        other.create(root + "/y")
        self.assertEqual(seen.wait(1), [("CHILD", root)])

    def table(self, change, before=None):
        """Events that `change` causes at a fully watched node /p/n: every kind of watch on it and on its parent."""
        c, d = self.pair()
        p = c.create(self.fresh())
        n = p + "/n"
        if before:
            before(c, n)
        d.sync()
        for path in (p, n):
            for op in (wire.GET, wire.EXISTS, wire.CHILDREN):
                d.call(op, wire.watched(path, True))
        change(c, n)
        d.sync()
        return [(e.type, e.path[len(p):]) for e in d.events]

    def test_what_each_change_fires(self):
        make = lambda c, n: c.create(n)
        self.assertEqual(self.table(make), [(wire.CREATED, "/n"), (wire.CHILD, "")])
        self.assertEqual(self.table(lambda c, n: c.ok(wire.DELETE, wire.versioned(n)), make),
                         [(wire.DELETED, "/n"), (wire.CHILD, "")])
        self.assertEqual(self.table(lambda c, n: c.set(n, b"x"), make), [(wire.CHANGED, "/n")])
        self.assertEqual(self.table(lambda c, n: c.create(n + "/below"), make), [(wire.CHILD, "/n")])
        self.assertEqual(self.table(lambda c, n: c.ok(wire.SET_ACL, wire.buf(n) + wire.vec(wire.acl(OPEN)) + wire.i(-1)),
                                    make), [])
        self.assertEqual(self.table(lambda c, n: c.err(wire.DELETE, wire.versioned(n, 99)), make), [])

    def test_watches_fire_once(self):
        c, d = self.pair()
        path = c.create(self.fresh())
        d.sync()
        for _ in range(3):
            d.get(path, watch=True)
        c.set(path, b"1")
        c.set(path, b"2")
        self.assertEqual(d.event(), (wire.CHANGED, 3, path))
        d.sync()
        self.assertEqual(d.events, [])
        d.get(path, watch=True)
        c.set(path, b"3")
        self.assertEqual(d.event(), (wire.CHANGED, 3, path))

    def test_failed_reads_leave_no_watch_except_exists(self):
        c, d = self.pair()
        path = self.fresh()
        self.assertEqual(d.err(wire.GET, wire.watched(path, True)), wire.NO_NODE)
        self.assertEqual(d.err(wire.CHILDREN, wire.watched(path, True)), wire.NO_NODE)
        c.create(path)
        d.sync()
        self.assertEqual(d.events, [])
        other = self.fresh()
        self.assertEqual(d.err(wire.EXISTS, wire.watched(other, True)), wire.NO_NODE)
        c.create(other)
        self.assertEqual(d.event(), (wire.CREATED, 3, other))

    def test_an_event_comes_before_the_reply_of_the_write_that_caused_it(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.send(wire.EXISTS, wire.watched(path, True))
        c.send(wire.CREATE, wire.create(path))
        c.send(wire.GET, wire.watched(path, True))
        c.send(wire.SET, wire.set_data(path, b"x"))
        got = [c.recv() for _ in range(6)]
        self.assertEqual([g.path if isinstance(g, wire.Event) else g.xid for g in got], [1, path, 2, 3, path, 4])
        self.assertEqual([g.type for g in got if isinstance(g, wire.Event)], [wire.CREATED, wire.CHANGED])

    def test_an_event_comes_before_any_reply_that_shows_the_change(self):
        writer, reader = self.pair()
        path = writer.create(self.fresh(), b"0")
        reader.sync()
        for n in range(1, 40):
            reader.get(path, watch=True)
            reader.events.clear()
            writer.send(wire.SET, wire.set_data(path, b"%d" % n))
            end = time.monotonic() + DEADLINE
            while reader.get(path)[0] != b"%d" % n:
                self.assertLess(time.monotonic(), end, "the change never showed")
                self.assertEqual(reader.events, [])
            self.assertEqual(reader.events, [(wire.CHANGED, 3, path)])
            self.assertEqual(writer.reply().err, 0)

    def test_set_watches_catches_up_and_rearms(self):
        c, d = self.pair()
        root = c.create(self.fresh())
        for name in ("changed", "same", "deleted", "grown", "flat"):
            c.create(root + "/" + name)
        zxid = d.sync().zxid
        d.drop()
        c.set(root + "/changed", b"x")
        c.ok(wire.DELETE, wire.versioned(root + "/deleted"))
        c.create(root + "/grown/child")
        c.create(root + "/appeared")
        e = self.conn(self.b.address, connect=False)
        e.resume(d.session, last_zxid=zxid)
        e.sync()
        reply = e.ok(wire.SET_WATCHES, wire.set_watches(
            zxid, [root + "/changed", root + "/same", root + "/deleted"], [root + "/appeared", root + "/absent"],
            [root + "/grown", root + "/flat", root + "/deleted"]), xid=wire.SET_WATCHES_XID)
        self.assertEqual((reply.xid, reply.body), (wire.SET_WATCHES_XID, b""))
        caught_up = sorted((ev.type, ev.path[len(root):]) for ev in e.events)
        self.assertEqual(caught_up, sorted([(wire.CHANGED, "/changed"), (wire.DELETED, "/deleted"),
                                            (wire.CREATED, "/appeared"), (wire.CHILD, "/grown"),
                                            (wire.DELETED, "/deleted")]))
        e.events.clear()
        # The others are armed again, the caught-up ones are not.
        c.set(root + "/changed", b"y")
        c.set(root + "/appeared", b"y")
        c.set(root + "/same", b"y")
        c.create(root + "/absent")
        c.create(root + "/flat/child")
        c.create(root + "/grown/second")
        e.sync()
        self.assertEqual([(ev.type, ev.path[len(root):]) for ev in e.events],
                         [(wire.CHANGED, "/same"), (wire.CREATED, "/absent"), (wire.CHILD, "/flat")])

    def test_persistent_watches_stay(self):
        c, d = self.pair()
        root = c.create(self.fresh())
        d.sync()
        d.ok(wire.ADD_WATCH, wire.versioned(root, 0))
        c.set(root, b"1")
        c.create(root + "/x")
        c.set(root + "/x", b"1")
        c.set(root, b"2")
        d.sync()
        self.assertEqual([e[::2] for e in d.events],
                         [(wire.CHANGED, root), (wire.CHILD, root), (wire.CHANGED, root)])

    def test_recursive_watches_cover_the_subtree(self):
        c, d = self.pair()
        root = c.create(self.fresh())
        d.sync()
        d.ok(wire.ADD_WATCH, wire.versioned(root, 1))
        c.create(root + "/x")
        c.create(root + "/x/y")
        c.set(root + "/x/y", b"1")
        c.ok(wire.DELETE, wire.versioned(root + "/x/y"))
        d.sync()
        self.assertEqual([e[::2] for e in d.events],
                         [(wire.CREATED, root + "/x"), (wire.CREATED, root + "/x/y"), (wire.CHANGED, root + "/x/y"),
                          (wire.DELETED, root + "/x/y")])
        d.events.clear()
        d.ok(wire.REMOVE_WATCHES, wire.versioned(root, 3))
        c.create(root + "/z")
        d.sync()
        self.assertEqual(d.events, [])

    def test_removed_watches_do_not_fire(self):
        c, d = self.pair()
        path = c.create(self.fresh())
        d.sync()
        d.get(path, watch=True)
        d.children(path, watch=True)
        self.assertEqual(d.err(wire.CHECK_WATCHES, wire.versioned(path, 2)), 0)
        self.assertEqual(d.err(wire.REMOVE_WATCHES, wire.versioned(path, 2)), 0)
        self.assertEqual(d.err(wire.REMOVE_WATCHES, wire.versioned(path, 2)), wire.NO_WATCHER)
        c.set(path, b"x")
        c.create(path + "/x")
        d.sync()
        self.assertEqual([e[::2] for e in d.events], [(wire.CHILD, path)])

    def test_watches_go_with_their_connection(self):
        c, d = self.pair()
        path = c.create(self.fresh())
        d.sync()
        d.get(path, watch=True)
        d.drop()
        e = self.conn(self.b.address, connect=False)
        e.resume(d.session)
        c.set(path, b"x")
        e.sync()
        self.assertEqual(e.events, [])

    def test_ephemerals_of_a_closed_session_fire(self):
        c, d = self.pair()
        root = c.create(self.fresh())
        owner = self.conn(self.c.address)
        owner.sync()
        path = owner.create(root + "/e", flags=wire.EPHEMERAL)
        d.sync()
        d.exists(path, watch=True)
        d.children(root, watch=True)
        owner.close_session()
        self.assertEqual([d.event(), d.event()], [(wire.DELETED, 3, path), (wire.CHILD, 3, root)])


class Order:
    def test_replies_come_in_order_under_mixed_pipelining(self):
        c, root = self.conn(self.a.address), self.fresh()
        rnd = random.Random(1)
        expected, value, version = [], b"", -1
        for n in range(600):
            kind = rnd.choice("wwrrrpc") if n else "n"
            if kind == "n":
                c.send(wire.CREATE, wire.create(root))
                version = 0
                expected.append((0, None))
            elif kind == "w":
                value, version = b"%d" % n, version + 1
                c.send(wire.SET, wire.set_data(root, value))
                expected.append((0, None))
            elif kind == "r":
                c.send(wire.GET, wire.watched(root))
                expected.append((0, (value, version)))
            elif kind == "c":
                c.send(wire.CREATE, wire.create(root))
                expected.append((wire.NODE_EXISTS, None))
            else:
                c.send(wire.SYNC, wire.buf("/"))
                expected.append((0, None))
        for n, (err, shown) in enumerate(expected):
            reply = c.reply()
            self.assertEqual((reply.xid, reply.err), (n + 1, err))
            if shown:
                r = Reader(reply.body)
                self.assertEqual((r.buf(), r.stat().version), shown)

    def test_zxids_of_replies_never_go_back(self):
        c, d = self.pair()
        path = self.fresh()
        for n in range(100):
            c.send(wire.CREATE, wire.create(path + "-%d" % n))
            d.send(wire.CREATE, wire.create(path + "_%d" % n))
            c.send(wire.EXISTS, wire.watched("/"))
        for conn, count in ((c, 200), (d, 100)):
            zxids = [conn.reply().zxid for _ in range(count)]
            self.assertEqual(zxids, sorted(zxids))

    def test_frames_in_one_segment_and_in_single_bytes(self):
        c, path = self.conn(self.a.address), self.fresh()
        frame = lambda xid, op, body: wire.i(len(body) + 8) + wire.i(xid) + wire.i(op) + body
        stream = frame(1, wire.CREATE, wire.create(path, b"v")) + frame(2, wire.GET, wire.watched(path))
        c.send_raw(stream)
        self.assertEqual([c.reply().xid, c.reply().xid], [1, 2])
        for byte in stream:
            c.send_raw(bytes([byte]))
        self.assertEqual([c.reply().err, c.reply().err], [wire.NODE_EXISTS, 0])

    def test_requests_sent_behind_the_handshake_are_served(self):
        c, path = self.conn(self.a.address, connect=False), self.fresh()
        hello = wire.i(0) + wire.q(0) + wire.i(5000) + wire.q(0) + wire.buf(bytes(16)) + b"\0"
        body = wire.i(9) + wire.i(wire.CREATE) + wire.create(path)
        c.send_raw(wire.i(len(hello)) + hello + wire.i(len(body)) + body)
        self.assertNotEqual(c.read_session().id, 0)
        reply = c.reply()
        self.assertEqual((reply.xid, reply.err), (9, 0))

    def test_a_client_that_does_not_read_holds_nobody_up(self):
        lazy, path = self.conn(self.a.address), self.fresh()
        lazy.create(path, b"x" * 500000)
        lazy.sock.settimeout(DEADLINE)
        for _ in range(60):
            lazy.send(wire.GET, wire.watched(path))
        with Undisturbed(self.a.address, self.fresh()):
            pass
        for _ in range(60):
            self.assertEqual(len(Reader(lazy.reply().body).buf()), 500000)


class Misuse:
    def check_closed(self, data, connect=False, half_close=False):
        """The server closes the connection after `data` and sends nothing."""
        c = self.conn(self.a.address, connect=connect)
        c.send_raw(data)
        if half_close:
            c.sock.shutdown(1)
        c.expect_close()

    def test_a_request_instead_of_the_handshake(self):
        with Undisturbed(self.a.address, self.fresh()):
            body = wire.i(1) + wire.i(wire.GET) + wire.watched("/")
            self.check_closed(wire.i(len(body)) + body)

    def test_lengths_that_cannot_be(self):
        with Undisturbed(self.a.address, self.fresh()):
            for connect in (False, True):
                for n in (-1, -2147483648, 0x7fffffff, 0x100000, 0xfffff + 1):
                    with self.subTest("length %d, connected: %s" % (n, connect)):
                        self.check_closed(wire.i(n), connect)

    def test_an_empty_frame(self):
        with Undisturbed(self.a.address, self.fresh()):
            for connect in (False, True):
                self.check_closed(wire.i(0), connect)

    def test_a_header_that_is_too_short(self):
        with Undisturbed(self.a.address, self.fresh()):
            for n in range(1, 8):
                self.check_closed(wire.i(n) + bytes(n), True)

    def test_a_handshake_that_is_too_short(self):
        hello = wire.i(0) + wire.q(0) + wire.i(5000) + wire.q(0) + wire.buf(bytes(16))
        with Undisturbed(self.a.address, self.fresh()):
            for n in range(1, len(hello), 5):
                self.check_closed(wire.i(n) + hello[:n])

    def test_frames_that_end_early(self):
        with Undisturbed(self.a.address, self.fresh()):
            for connect in (False, True):
                self.check_closed(wire.i(100) + b"half of it", connect, half_close=True)
                self.check_closed(b"\0\0", connect, half_close=True)

    def test_unknown_operations(self):
        with Undisturbed(self.a.address, self.fresh()):
            for op in (0, -1, 10, 23, 99, 108, 5000):
                with self.subTest("operation %d" % op):
                    c = self.conn(self.a.address)
                    reply = c.call(op, b"")
                    self.assertEqual((reply.err, reply.zxid), (wire.UNIMPLEMENTED, -1))
                    c.expect_close()

    # A header whose `done` is set ends a multi, whatever its type.
    READABLE = ((wire.MULTI, wire.i(100) + b"/short"),)

    def test_bodies_that_cannot_be_read(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path)
        w = wire
        with Undisturbed(self.a.address, self.fresh()):
            for op in (w.GET, w.EXISTS, w.CHILDREN, w.CHILDREN2, w.GET_ACL, w.SYNC, w.CREATE, w.DELETE, w.SET, w.SET_ACL,
                       w.MULTI, w.CREATE2):
                for body in (b"", b"\0", w.i(100) + b"/short", w.i(0x7fffffff), w.i(-7)):
                    if (op, body) in self.READABLE:
                        continue
                    with self.subTest("operation %d with %r" % (op, body)):
                        self.assertEqual(c.err(op, body), w.MARSHALLING)
            self.assertIsNotNone(c.exists(path))

    def test_vectors_that_claim_too_much(self):
        c = self.conn(self.a.address)
        with Undisturbed(self.a.address, self.fresh()):
            body = wire.buf("/v") + wire.buf(b"") + wire.i(0x7ffffff0)
            self.assertEqual(c.err(wire.CREATE, body), wire.MARSHALLING)
            self.assertIsNone(c.exists("/v"))

    def test_random_bytes(self):
        rnd = random.Random(7)
        with Undisturbed(self.a.address, self.fresh()):
            for n in range(60):
                c = self.conn(self.a.address, connect=False)
                c.send_raw(bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 200))))
                c.drop()
            for n in range(60):
                c = self.conn(self.a.address)
                payload = bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 200)))
                c.send_raw(wire.i(len(payload)) + wire.i(n + 1) + payload)
                c.drop()

    def test_random_bodies_of_real_operations(self):
        rnd = random.Random(11)
        ops = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 14, 15, 17, 18, 19, 22, 101, 103, 104, 105, 106]
        with Undisturbed(self.a.address, self.fresh()):
            for n in range(200):
                c = self.conn(self.a.address)
                c.send(rnd.choice(ops), bytes(rnd.choice((0, 0, 0, 1, 47, 255, rnd.randrange(256)))
                                              for _ in range(rnd.randrange(0, 60))))
                c.drop()

    def test_four_letter_words(self):
        self.assertEqual(self.a.word("ruok"), "imok")
        self.assertIn("Mode: ", self.a.word("srvr"))
        self.assertIn("Mode: ", self.a.word("stat"))
        self.assertIn("zk_server_state\t", self.a.word("mntr"))
        self.assertEqual(self.a.word("isro"), "rw")
        self.assertIn("clientPort=%d\n" % self.a.client_port, self.a.word("conf"))
        self.assertEqual(self.a.word("nope"), "")


class Everything(Sessions, Operations, Acls, Transactions, Watches, Order, Misuse):
    pass


class OneServer(Everything, ServiceCase):
    MEMBERS = 1


class ThreeServers(Everything, ServiceCase):
    MEMBERS = 3

    def test_a_session_moves_to_another_server(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, flags=wire.EPHEMERAL)
        for m in (self.b, self.c, self.a, self.b):
            d = self.conn(m.address, connect=False)
            self.assertEqual(d.resume(c.session).id, c.session.id)
            d.sync()
            self.assertEqual(d.exists(path).ephemeral_owner, c.session.id)
            d.set(path, b"at %d" % m.sid)
        self.assertEqual(self.conn(self.c.address, connect=False).connect(sid=c.session.id).timeout, 0)

    def test_a_write_through_the_old_server_closes_that_connection(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, b"before")
        d = self.conn(self.b.address, connect=False)
        d.resume(c.session)
        d.set(path, b"after")
        c.send(wire.SET, wire.set_data(path, b"stray"))
        c.expect_close()
        d.sync()
        self.assertEqual(d.get(path)[0], b"after")

    def test_a_moved_session_does_not_expire_while_the_new_server_is_pinged(self):
        c, path = self.conn(self.a.address, timeout=1000), self.fresh()
        c.create(path, flags=wire.EPHEMERAL)
        d = self.conn(self.b.address, connect=False)
        d.resume(c.session)
        began = time.monotonic()

        def pinged():
            d.ping()
            return time.monotonic() - began > 2.5
        wait_for("two and a half timeouts of pings", pinged, interval=0.2)
        d.sync()
        self.assertIsNotNone(d.exists(path))

    def test_closing_elsewhere_closes_the_session_everywhere(self):
        c, path = self.conn(self.a.address), self.fresh()
        c.create(path, flags=wire.EPHEMERAL)
        d = self.conn(self.c.address, connect=False)
        d.resume(c.session)
        d.close_session()
        for m in self.ens.members:
            e = self.conn(m.address)
            e.sync()
            self.assertIsNone(e.exists(path))

    def test_a_session_of_one_server_resumes_only_with_its_password_anywhere(self):
        c = self.conn(self.a.address)
        for m in self.ens.members:
            wrong = self.conn(m.address, connect=False)
            self.assertEqual(wrong.connect(sid=c.session.id, passwd=b"x" * 16).timeout, 0)
        right = self.conn(self.c.address, connect=False)
        self.assertEqual(right.resume(c.session).id, c.session.id)

    def test_all_members_have_the_same_tree(self):
        c = self.conn(self.a.address)
        root = c.create(self.fresh())
        for n in range(50):
            c.create(root + "/n-", b"%d" % n, flags=wire.SEQUENTIAL)
        tree = self.assert_same_trees(self.ens.members, root)
        self.assertEqual(len(tree), 51)


class Limits(harness.Case):
    """A server with limits of its own."""

    def test_too_many_connections_from_one_address(self):
        self.check_four_fit({"maxClientCnxns": 4})

    def test_too_many_connections_in_all(self):
        self.check_four_fit({"maxCnxns": 4})

    def check_four_fit(self, options):
        ens = self.ensemble(1, options=options).start()
        m = ens[1]

        def four():
            conns = []
            try:
                for _ in range(4):
                    conns.append(wire.Conn(m.address))
                for c in conns:
                    c.connect()
                return conns
            except (Closed, OSError):
                for c in conns:
                    c.drop()
                return None
        # The connections of srvr words may still be on their way out.
        conns = wait_for("four connections", four)
        # Which may be gone before it is known to be there.
        with self.assertRaises((Closed, OSError)), wire.Conn(m.address) as fifth:
            fifth.connect()
        for c in conns:
            c.ping()
        conns[0].close_session()

        def fits():
            try:
                with wire.Conn(m.address) as c:
                    return c.connect().id
            except (Closed, OSError):
                return None
        wait_for("room for a connection after one has gone", fits)
        for c in conns[1:]:
            c.drop()

    def test_connections_without_a_session_are_dropped_in_time(self):
        ens = self.ensemble(1).start()
        # Apache looks every ten seconds, so it may take twenty.
        self.check_sessionless(ens, 10, 21)

    def test_that_time_is_configurable(self):
        ens = self.ensemble(1, options={"nio.sessionlessCnxnTimeout": 500}).start()
        self.check_sessionless(ens, 0.5, 5)

    def check_sessionless(self, ens, earliest, latest):
        """Silent connections are closed between so many seconds."""
        began = time.monotonic()
        silent = self.conn(ens[1].address, connect=False)
        stuck = self.conn(ens[1].address, connect=False)
        stuck.send_raw(wire.i(44) + b"then nothing")
        for c in (silent, stuck):
            c.sock.settimeout(latest)
            c.expect_close()
            self.assertGreater(time.monotonic() - began, earliest - 0.1)

    def test_words_that_are_not_allowed(self):
        ens = self.ensemble(1, options={"4lw.commands.whitelist": None}).start()
        self.assertEqual(ens[1].word("ruok"), "ruok is not executed because it is not in the whitelist.\n")
        self.assertIn("Mode: standalone", ens[1].word("srvr"))

    def test_a_configured_super_user_may_do_all(self):
        ens = self.ensemble(1, options={"DigestAuthenticationProvider.superDigest": digest("super", "admin")}).start()
        c = self.conn(ens[1].address)
        c.create("/locked", b"x", entries=[(wire.READ, "ip", "10.0.0.1")])
        self.assertEqual(c.err(wire.GET, wire.watched("/locked")), wire.NO_AUTH)
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("super:admin"), xid=wire.AUTH_XID)
        self.assertEqual(c.get("/locked")[0], b"x")

    def test_ttl_nodes_are_made_when_they_are_on(self):
        ens = self.ensemble(1, options={"extendedTypesEnabled": "true"}).start()
        c = self.conn(ens[1].address)
        r = Reader(c.ok(wire.CREATE_TTL, wire.create("/ttl", b"x", wire.TTL) + wire.q(60000)).body)
        self.assertEqual((r.str(), r.stat().ephemeral_owner), ("/ttl", 0))
        self.assertEqual(c.err(wire.CREATE_TTL, wire.create("/bad", b"", wire.TTL) + wire.q(0)), wire.BAD_ARGUMENTS)
        self.assertEqual(c.err(wire.CREATE_TTL, wire.create("/bad", b"", wire.TTL) + wire.q(1 << 40)), wire.BAD_ARGUMENTS)


if __name__ == "__main__":
    harness.main()
