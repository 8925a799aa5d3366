#!/usr/bin/env python3
"""The tree's digest in ensembles of both engines: whoever leads reckons it before, each member finds it after every transaction, and
at equal zxids all say the same."""
import random

import mixed
mixed.need_apache()
import harness  # noqa: E402
import wire  # noqa: E402
from ensemble import wait_for  # noqa: E402

INTERVAL = 128
OPTIONS = {"extendedTypesEnabled": "true"}
REFUSED = {0, wire.NO_NODE, wire.NODE_EXISTS, wire.NOT_EMPTY, wire.BAD_VERSION, wire.NO_CHILDREN_FOR_EPHEMERALS, wire.NO_AUTH}
CLOSED = [(wire.READ | wire.WRITE | wire.DELETE_PERM, "world", "anyone")]


class Load:
    """A seeded mix of all that changes znodes, and of what is refused, below one root."""

    def __init__(self, root, seed):
        self.root, self.rnd, self.made = root, random.Random(seed), 0

    def path(self, depth=2):
        return self.root + "".join("/%d" % self.rnd.randrange(4) for _ in range(self.rnd.randint(1, depth)))

    def data(self):
        return self.rnd.choice([None, b"", b"x", bytes(range(256)) * self.rnd.randint(1, 8), "\u20ac".encode() * 7])

    def create(self):
        flags = self.rnd.choice([wire.PERSISTENT] * 3 + [wire.EPHEMERAL, wire.SEQUENTIAL, wire.EPHEMERAL_SEQUENTIAL])
        name = self.path() + self.rnd.choice(["", "", "\u00fc"])
        return wire.CREATE, wire.create(name, self.data(), flags, self.rnd.choice([wire.OPEN, wire.OPEN, CLOSED]))

    def change(self):
        return self.rnd.choice([
            lambda: (wire.SET, wire.set_data(self.path(), self.data(), self.rnd.choice([-1, -1, 0, 1]))),
            lambda: (wire.DELETE, wire.versioned(self.path(), self.rnd.choice([-1, -1, 0]))),
            self.create])()

    def multi(self):
        ops = [self.change() for _ in range(self.rnd.randint(1, 5))]
        if self.rnd.random() < 0.3:
            ops.append((wire.CHECK, wire.versioned(self.root, -1)))
        return wire.MULTI, wire.multi(*ops)

    def acl(self):
        return wire.SET_ACL, wire.buf(self.path()) + wire.vec(wire.acl(wire.OPEN)) + wire.i(-1)

    def special(self):
        self.made += 1
        name = "%s/kept-%d" % (self.root, self.made)
        if self.rnd.random() < 0.5:
            return wire.CREATE_CONTAINER, wire.create(name, b"box", wire.CONTAINER)
        return wire.CREATE_TTL, wire.create(name, b"ttl", wire.TTL) + wire.q(3600 * 1000)

    def next(self):
        return self.rnd.choice([self.create] * 6 + [self.change] * 6 + [self.multi] * 3 + [self.acl, self.special])()


class Digests(mixed.MixedCase):
    def quota(self, c, root):
        """The counts of a quota change with what is below it, on each member by itself."""
        path = "/zookeeper/quota"
        for name in root.split("/")[1:]:
            path += "/" + name
            c.create(path)
        c.create(path + "/zookeeper_limits", b"count=100000,bytes=-1")
        c.create(path + "/zookeeper_stats", b"count=0,bytes=0")

    def spend(self, ens, root, seed, rounds=25, window=12):
        """The load through each member: at once through ours; Apache's now and then sleep over a commit, and are asked one by one."""
        load = Load(root, seed)
        conns = self.conns(ens)
        for _ in range(rounds):
            sent = []
            for m, c in conns.items():
                for _ in range(window if m.engine == "ours" else 2):
                    op, body = load.next()
                    if m.engine == "ours":
                        c.send(op, body)
                        sent.append(c)
                    else:
                        self.assertIn(c.call(op, body).err, REFUSED)
            for c in sent:
                self.assertIn(c.reply().err, REFUSED)
            # Its session's end takes several ephemerals along, some of them of one parent.
            m = load.rnd.choice(list(conns))
            conns.pop(m).close_session()
            conns[m] = self.conn(m.address, timeout=20000)
        for m, c in conns.items():
            c.close_session()

    def logged(self, m):
        """What `hash` says: {zxid: digest}."""
        lines = m.word("hash").splitlines()
        return {int(zxid, 16): int(digest) for zxid, digest in (line.split(": ") for line in lines)}

    def assert_same_digests(self, ens, least):
        """All members' digests agree where their zxids do; each member has some, and at least so many are known to all."""
        members = [m for m in ens.members if m.running()]
        newest = max(m.zxid() for m in members)
        wait_for("all to be at 0x%x" % newest, lambda: all(m.zxid() >= newest for m in members))
        logs = {m: self.logged(m) for m in members}
        for m, log in logs.items():
            self.assertTrue(all(zxid % INTERVAL == 0 for zxid in log), (m, log))
            self.assertEqual(sorted(log), list(log), m)
        known = {}
        for m, log in logs.items():
            for zxid, digest in log.items():
                self.assertEqual(known.setdefault(zxid, digest), digest, "%s (%s) at 0x%x" % (m, m.engine, zxid))
        shared = set.intersection(*(set(log) for log in logs.values()))
        self.assertGreaterEqual(len(shared), least, logs)

    def check(self, word, first):
        """`first` leads; then it dies, and the other engine does, as `word` has it."""
        ens = self.mixed(word, first, OPTIONS)
        ens.mark()
        c = self.conn(ens[1].address)
        root = c.create(self.fresh())
        self.quota(c, root)
        c.set("/", b"the root has two names")
        c.close_session()
        self.spend(ens, root, 1)
        self.assert_equal_trees(ens)
        self.assert_same_digests(ens, 2)
        self.assertEqual(set(mixed.mismatches(ens).values()), {0})
        self.assert_quiet(ens, calm=True)

        old = ens.leader()
        old.kill()
        new = ens.leader()
        self.assertNotEqual(new.engine, old.engine)
        ens.wait_serving()
        self.spend(ens, root, 2)
        old.start()
        ens.wait_serving()
        self.spend(ens, root, 3)
        self.assert_equal_trees(ens)
        self.assert_same_digests(ens, 1)
        self.assertEqual(set(mixed.mismatches(ens).values()), {0})
        self.assert_quiet(ens)

    def test_ours_then_apache(self):
        self.check("aao", 3)

    def test_apache_then_ours(self):
        self.check("ooa", 3)

    def test_off_at_the_leader(self):
        """Transactions without a digest are as good."""
        ens = self.mixed("oao", 3, dict(OPTIONS, **{"digest.enabled": "false"}))
        root = self.conn(ens[1].address).create(self.fresh())
        self.spend(ens, root, 4, rounds=8)
        self.assert_equal_trees(ens)
        self.assertEqual(set(mixed.mismatches(ens).values()), {0})
        self.assertEqual({d for m in ens.members for d in self.logged(m).values()}, {0})

    def test_off_at_one_member(self):
        """Its transactions go through it as they are, and whoever has digests compares."""
        for word, first, off in (("ooa", 3, 1), ("aao", 3, 3)):
            with self.subTest(word):
                ens = mixed.Mixed(word, OPTIONS)
                self.addCleanup(ens.close)
                with open(ens[off].cfg, "a") as cfg:
                    cfg.write("digest.enabled=false\n")
                ens.start_led_by(ens[first])
                root = self.conn(ens[1].address).create(self.fresh())
                self.spend(ens, root, 5, rounds=8)
                self.assert_equal_trees(ens)
                self.assertEqual(set(mixed.mismatches(ens).values()), {0})


if __name__ == "__main__":
    harness.main()
