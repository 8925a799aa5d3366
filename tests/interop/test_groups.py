#!/usr/bin/env python3
"""Hierarchical quorums in mixed ensembles: groups and weights decide alike in zkserver and in Apache ZooKeeper 3.8."""
import mixed
mixed.need_apache()
import harness  # noqa: E402
from ensemble import wait_for  # noqa: E402


def config_of(member):
    """The lines of /zookeeper/config as this member shows them."""
    with mixed.wire.Conn(member.address) as c:
        c.connect(timeout=10000)
        text = c.get("/zookeeper/config")[0].decode()
        c.close_session()
    return sorted(text.splitlines())


class Grouped(mixed.MixedCase):
    """Three groups of three, three and one."""

    GROUPS = {"group.1": "1:2:3", "group.2": "4:5:6", "group.3": "7"}

    def write(self, ens, name):
        m = next(m for m in ens.members if m.running())
        zk = self.kazoo(",".join(m.hosts for m in ens.members if m.running()))
        path = zk.create("/" + name, name.encode())
        self.assertEqual(zk.get(path)[0], name.encode(), m)

    def nobody_serves(self, members):
        wait_for("%s to serve no more" % members, lambda: all(m.mode() is None for m in members))
        wait_for("an election without an end", lambda: all(m.mode() is None for m in members))

    def check(self, word):
        ens = self.mixed(word, options=self.GROUPS)
        conf = config_of(ens[1])
        self.assertIn("group.1=1:2:3", conf)
        self.assertIn("weight.7=1", conf)
        for m in ens.members:
            self.assertEqual(config_of(m), conf, m)
            self.assertEqual(sorted((m.word("conf") or "").partition("membership: \n")[2].splitlines()), conf, m)
        self.write(ens, "all")
        # A whole group goes: four of seven are left, and two groups of three.
        for sid in (1, 2, 3):
            ens[sid].kill()
        ens.wait_serving()
        self.write(ens, "without-group-1")
        for sid in (1, 2, 3):
            ens[sid].start()
        ens.wait_serving()
        # Four of seven again, and one group alone.
        for sid in (7, 4, 5):
            ens[sid].kill()
        up = [ens[sid] for sid in (1, 2, 3, 6)]
        self.nobody_serves(up)
        ens[4].start()
        ens.wait_serving()
        self.write(ens, "two-groups-again")
        for sid in (5, 7):
            ens[sid].start()
        ens.wait_serving()
        tree = self.assert_equal_trees(ens)
        self.assertLessEqual({"/all", "/without-group-1", "/two-groups-again"}, set(tree))
        self.assert_quiet(ens)

    def test_ours_in_the_majority(self):
        self.check("oaoaoao")

    def test_apache_in_the_majority(self):
        self.check("aoaoaoa")


class Weighted(mixed.MixedCase):
    """Server 3 has the highest id and no weight: it votes, follows, and never leads."""

    def check(self, word, heavy):
        ens = self.mixed(word, options={"group.1": "1:2:3", "weight.%d" % heavy: 2, "weight.3": 0})
        leader = ens.leader()
        self.assertEqual(leader.sid, 2)
        self.assertEqual(ens[3].mode(), "follower")
        light = 3 - heavy
        with self.subTest("the heavy one and who weighs nothing"):
            ens[light].kill()
            ens.wait_serving()
            self.assertEqual(ens.leader().sid, heavy)
            ens[light].start()
            ens.wait_serving()
        with self.subTest("a majority without the heavy one"):
            ens[heavy].kill()
            wait_for("nobody to serve", lambda: ens[light].mode() is None and ens[3].mode() is None)
            ens[heavy].start()
            ens.wait_serving()
        self.assertNotEqual(ens.leader().sid, 3)
        self.assert_equal_trees(ens)

    def test_apache_weighs_nothing(self):
        self.check("aoa", 2)

    def test_ours_weighs_nothing(self):
        self.check("oao", 2)

    def test_apache_is_the_heavy_one(self):
        self.check("aoo", 1)


if __name__ == "__main__":
    harness.main()
