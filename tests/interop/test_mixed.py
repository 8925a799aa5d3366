#!/usr/bin/env python3
"""zkserver and Apache ZooKeeper 3.8 in one ensemble: each leads the other, and clients cannot tell who is who."""
import mixed
mixed.need_apache()
import harness  # noqa: E402
import wire  # noqa: E402
from ensemble import wait_for  # noqa: E402
from kazoo.exceptions import BadVersionError, NoAuthError, RolledBackError  # noqa: E402
from kazoo.security import make_digest_acl  # noqa: E402


class Together(mixed.MixedCase):
    """Every member of every mixture serves, and the logs are quiet."""

    def check(self, word, first):
        ens = self.mixed(word, first)
        self.assertEqual(ens.leader().sid, first)
        ens.mark()
        conns = self.conns(ens)
        root = conns[ens[1]].create(self.fresh())
        for n in range(60):
            m = ens.members[n % len(ens.members)]
            self.sync(m, conns[m])
            conns[m].create("%s/from-%d-%d" % (root, m.sid, n), b"%d" % n)
        for m, c in conns.items():
            self.sync(m, c)
            self.assertEqual(len(c.children(root)), 60)
        self.assert_equal_trees(ens)
        for c in conns.values():
            c.close_session()
        self.assert_equal_trees(ens)
        self.assert_quiet(ens, calm=True)

    def test_two_ours_led_by_ours(self):
        self.check("oao", 3)

    def test_two_ours_led_by_apache(self):
        self.check("ooa", 3)

    def test_two_apache_led_by_ours(self):
        self.check("aao", 3)

    def test_two_apache_led_by_apache(self):
        self.check("aoa", 3)

    def test_two_ours_come_first(self):
        self.check("ooa", 2)

    def test_two_apache_come_first(self):
        self.check("aao", 2)

    def test_five_led_by_ours(self):
        self.check("oaoao", 5)

    def test_five_led_by_apache(self):
        self.check("aoaoa", 5)

    def test_observers_of_both_under_ours(self):
        self.check("aooOA", 3)

    def test_observers_of_both_under_apache(self):
        self.check("oaaAO", 3)


class Clients:
    """What one client does through one member, others see through the others. `word` and `first` are the subclass's."""

    @classmethod
    def setUpClass(cls):
        cls.ens = mixed.Mixed(cls.word)
        cls.ens.start_led_by(cls.ens[cls.first])
        cls.ens.mark()
        cls.one, cls.other = cls.ens.of("ours")[0], cls.ens.of("apache")[0]

    @classmethod
    def tearDownClass(cls):
        cls.ens.close()

    def tearDown(self):
        try:
            self.assert_equal_trees(self.ens)
            self.assert_quiet(self.ens, calm=True)
        finally:
            self.ens.mark()

    def both_ways(self):
        """Through one engine and seen through the other, then the other way round."""
        yield self.one, self.other
        yield self.other, self.one

    def test_acls(self):
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                writer, stranger = self.kazoo(a.hosts), self.kazoo(b.hosts)
                reader = self.kazoo(b.hosts, auth_data=[("digest", "interop:secret")])
                acl = make_digest_acl("interop", "secret", all=True)
                writer.add_auth("digest", "interop:secret")
                path = writer.create(self.fresh(), b"locked", acl=[acl])
                stranger.sync(path)
                reader.sync(path)
                self.assertRaises(NoAuthError, stranger.get, path)
                self.assertRaises(NoAuthError, stranger.set, path, b"x")
                self.assertRaises(NoAuthError, stranger.create, path + "/x")
                self.assertEqual(reader.get(path)[0], b"locked")
                reader.create(path + "/in", acl=[acl])
                reader.set_acls(path, [acl, make_digest_acl("other", "secret", read=True)])
                other = self.kazoo(a.hosts, auth_data=[("digest", "other:secret")])
                other.sync(path)
                self.assertEqual(other.get(path)[0], b"locked")
                self.assertRaises(NoAuthError, other.set, path, b"x")
                acls, stat = writer.get_acls(path)
                self.assertEqual((len(acls), stat.aversion), (2, 1))
                creators = writer.create(self.fresh(), acl=[mixed.CREATOR_ALL])
                reader.sync(creators)
                self.assertEqual(reader.get_acls(creators)[0], [acl])

    def test_multi(self):
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                za, zb = self.kazoo(a.hosts), self.kazoo(b.hosts)
                root = za.create(self.fresh(), b"0")
                t = za.transaction()
                t.check(root, 0)
                t.create(root + "/a", b"1")
                t.create(root + "/b", b"2", ephemeral=True)
                t.create(root + "/s-", b"3", sequence=True)
                t.set_data(root, b"new")
                t.set_data(root + "/a", b"11")
                t.create(root + "/gone")
                t.delete(root + "/gone")
                answers = t.commit()
                self.assertEqual([r for r in answers if isinstance(r, Exception)], [])
                zb.sync(root)
                self.assertEqual(sorted(zb.get_children(root)), ["a", "b", answers[3].rsplit("/", 1)[1]])
                self.assertEqual(zb.get(root)[0], b"new")
                self.assertEqual(zb.get(root + "/b")[1].ephemeralOwner, za.client_id[0])
                t = zb.transaction()
                t.set_data(root, b"never")
                t.check(root, 77)
                t.create(root + "/never")
                answers = t.commit()
                self.assertEqual([type(r) for r in answers[:2]], [RolledBackError, BadVersionError])
                self.assertEqual(za.get(root)[0], b"new")

    def test_create2_in_a_multi(self):
        """create2's Stat, and create2 inside a multi, which must not reach an Apache 3.8.0 member as itself."""
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                ca, cb = self.conn(a.address), self.conn(b.address)
                path = self.fresh()
                r = wire.Reader(ca.ok(wire.CREATE2, wire.create(path, b"two")).body)
                self.assertEqual(r.str(), path)
                stat = r.stat()
                cb.sync()
                self.assertEqual(cb.get(path), (b"two", stat))
                if a.engine == "ours" and self.ens.leader().engine == "ours":
                    results = ca.multi((wire.CREATE2, wire.create(path + "/in")), (wire.SET, wire.set_data(path, b"3")))
                    self.assertEqual([r[1] for r in results], [0, 0])
                    cb.sync()
                    self.assertIsNotNone(cb.exists(path + "/in"))

    def test_containers(self):
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                ca, cb = self.conn(a.address, timeout=30000), self.conn(b.address, timeout=30000)
                path = self.fresh()
                ca.ok(wire.CREATE_CONTAINER, wire.create(path, b"box", wire.CONTAINER))
                cb.sync()
                self.assertEqual(cb.get(path)[0], b"box")
                cb.create(path + "/in")
                cb.exists(path, watch=True)
                ca.sync()
                ca.ok(wire.DELETE, wire.versioned(path + "/in"))
                self.assertEqual(cb.event(), (wire.DELETED, 3, path))

    def test_ephemerals_and_watches(self):
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                zb = self.kazoo(b.hosts)
                root = zb.create(self.fresh())
                path = root + "/eph"
                children, created, deleted = harness.Watched(), harness.Watched(), harness.Watched()
                zb.get_children(root, watch=children)
                self.assertIsNone(zb.exists(path, watch=created))
                za = self.kazoo(a.hosts)
                za.create(path, b"here", ephemeral=True)
                self.assertEqual(created.wait(), [("CREATED", path)])
                self.assertEqual(children.wait(), [("CHILD", root)])
                self.assertEqual(zb.exists(path, watch=deleted).ephemeralOwner, za.client_id[0])
                harness.end_kazoo(za)
                self.assertEqual(deleted.wait(), [("DELETED", path)])
                self.assertIsNone(zb.exists(path))

    def test_an_abandoned_session_expires(self):
        for a, b in self.both_ways():
            with self.subTest("through %s" % a.engine):
                ca = self.conn(a.address, timeout=1000)
                path = ca.create(self.fresh(), flags=wire.EPHEMERAL)
                cb = self.conn(b.address, timeout=30000)
                cb.sync()
                self.assertIsNotNone(cb.exists(path, watch=True))
                ca.drop()
                self.assertEqual(cb.event(), (wire.DELETED, 3, path))

    def test_a_session_moves_between_engines(self):
        for a, b in self.both_ways():
            with self.subTest("from %s" % a.engine):
                c = self.conn(a.address, timeout=10000)
                path = c.create(self.fresh(), flags=wire.EPHEMERAL)
                for m in (b, a, b):
                    d = self.conn(m.address, connect=False)
                    self.assertEqual(d.resume(c.session)[:4], c.session[:4])
                    d.sync()
                    self.assertEqual(d.exists(path).ephemeral_owner, c.session.id)
                    d.set(path, b"at %d" % m.sid)
                # At the other member: both engines let go of a session's connection before they look at the password.
                wrong = self.conn(a.address, connect=False)
                self.assertEqual(wrong.resume(c.session._replace(passwd=bytes(16))).id, 0)
                d.close_session()
                self.conn(a.address).sync()
                again = self.conn(a.address, connect=False)
                self.assertEqual(again.resume(c.session).id, 0)

    def test_a_kazoo_session_moves_between_engines(self):
        for a, b in self.both_ways():
            with self.subTest("from %s" % a.engine):
                za = self.kazoo(a.hosts)
                path = za.create(self.fresh(), ephemeral=True)
                zb = self.kazoo(b.hosts, client_id=za.client_id)
                self.assertEqual(zb.client_id, za.client_id)
                zb.sync(path)
                self.assertEqual(zb.exists(path).ephemeralOwner, za.client_id[0])

    def test_reads_after_sync_are_up_to_date(self):
        conns = self.conns(self.ens)
        path = conns[self.one].create(self.fresh(), b"-")
        order = list(conns.items())
        for n in range(60):
            m, c = order[n % len(order)]
            c.sync()
            c.set(path, b"%d" % n)
            for _, other in order:
                other.sync()
                self.assertEqual(other.get(path)[0], b"%d" % n)

    def test_sequence_numbers_go_on(self):
        conns = list(self.conns(self.ens).values())
        root = conns[0].create(self.fresh())
        names = []
        for n in range(30):
            c = conns[n % len(conns)]
            c.sync()
            names.append(c.create(root + "/s-", flags=wire.SEQUENTIAL))
            if n % 4 == 3:
                c.ok(wire.DELETE, wire.versioned(names[n - 2]))
        self.assertEqual(names, ["%s/s-%010d" % (root, n) for n in range(30)])

    def test_pipelined_writes_from_both_at_once(self):
        conns = list(self.conns(self.ens).values())
        root = conns[0].create(self.fresh())
        for c in conns:
            c.sync()
        for n in range(300):
            for k, c in enumerate(conns):
                c.send(wire.CREATE, wire.create("%s/p-%d-%d" % (root, k, n)))
        for c in conns:
            zxids = []
            for _ in range(300):
                reply = c.reply()
                self.assertEqual(reply.err, 0)
                zxids.append(reply.zxid)
            self.assertEqual(zxids, sorted(set(zxids)))

    def test_quotas_and_errors_say_the_same(self):
        for a, b in self.both_ways():
            ca, cb = self.conn(a.address), self.conn(b.address)
            path = ca.create(self.fresh())
            eph = ca.create(path + "/e", flags=wire.EPHEMERAL)
            cb.sync()
            self.assertEqual(cb.err(wire.CREATE, wire.create(path)), wire.NODE_EXISTS)
            self.assertEqual(cb.err(wire.CREATE, wire.create(eph + "/x")), wire.NO_CHILDREN_FOR_EPHEMERALS)
            self.assertEqual(cb.err(wire.DELETE, wire.versioned(path)), wire.NOT_EMPTY)
            self.assertEqual(cb.err(wire.SET, wire.set_data(path, b"", 9)), wire.BAD_VERSION)
            self.assertEqual(cb.err(wire.DELETE, wire.versioned(path + "/none")), wire.NO_NODE)
            self.assertEqual(cb.err(wire.CREATE, wire.create("/none/x")), wire.NO_NODE)
            ca.close_session()  # the ephemeral must not go while later tests compare trees


class ClientsUnderOurs(Clients, mixed.MixedCase):
    word, first = "oao", 3


class ClientsUnderApache(Clients, mixed.MixedCase):
    word, first = "oaa", 3


if __name__ == "__main__":
    harness.main()
