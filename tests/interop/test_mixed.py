#!/usr/bin/env python3
"""zkserver and Apache ZooKeeper 3.8 in one ensemble: each leads the other, and clients cannot tell who is who."""
import mixed
mixed.need_apache()
import harness  # noqa: E402
import wire  # noqa: E402
from ensemble import wait_for  # noqa: E402


class Together(mixed.MixedCase):
    def check(self, word, first):
        ens = self.mixed(word, first)
        self.assertEqual(ens.leader().sid, first)
        ens.mark()
        conns = self.conns(ens)
        root = conns[ens[1]].create(self.fresh())
        for n in range(60):
            m = ens.members[n % len(ens.members)]
            conns[m].create("%s/from-%d-%d" % (root, m.sid, n), b"%d" % n)
        for m, c in conns.items():
            c.sync()
            self.assertEqual(len(c.children(root)), 60)
        self.assert_equal_trees(ens)
        self.assert_quiet(ens, calm=True)

    def test_ours_leads_one_of_each(self):
        self.check("oao", 3)

    def test_apache_leads_one_of_each(self):
        self.check("aoa", 3)


if __name__ == "__main__":
    harness.main()
