#!/usr/bin/env python3
"""What a server must bear, small: each case of limits.py is right with one server and with three. tests/bench/limits runs them at
full size."""
import os
import sys

sys.dont_write_bytecode = True
import ensemble  # noqa: E402
import harness  # noqa: E402
import limits  # noqa: E402
import wire  # noqa: E402
from ensemble import wait_for  # noqa: E402


class Limits(harness.Case):

    def every_case(self, members):
        ens = self.ensemble(members, options=limits.OPTIONS).start()
        for name, case in limits.cases(limits.SMALL):
            figures = list(case(ens))
            for what, figure, unit in figures:
                self.assertGreaterEqual(figure, 0, what)
            self.assertTrue(figures or members == 1, name)

    def test_every_case_with_one_server(self):
        self.every_case(1)

    def test_every_case_with_three_servers(self):
        self.every_case(3)

    def test_turns_are_measured_and_forgotten(self):
        m = self.ensemble(1).start()[1]
        first = limits.metrics(m)
        self.assertGreater(int(first["loop_turns"]), 0)
        self.assertGreater(int(first["loop_turn_max_us"]), 0)
        self.assertGreater(int(first["loop_turn_max_cpu_us"]), 0)
        m.word("srst")
        self.assertLess(int(limits.metrics(m)["loop_turns"]), int(first["loop_turns"]) + 3)

    def test_too_many_connections_are_told_of(self):
        """maxClientCnxns is kept, and the log says which limit it was; the soft limit of files is raised to the hard one."""
        m = self.ensemble(1, options={"maxClientCnxns": 3}).start()[1]
        conns = [self.conn(m.address) for _ in range(3)]
        with self.assertRaises((wire.Closed, OSError)):
            self.conn(m.address)
        wait_for("a word in the log", lambda: "maxClientCnxns=3" in open(m.log).read())
        self.assertEqual([c.exists("/zookeeper") is not None for c in conns], [True] * 3)
        with open("/proc/%d/limits" % m.process.pid) as f:
            soft, hard = next(line.split()[3:5] for line in f if line.startswith("Max open files"))
        self.assertEqual(soft, hard)

    def test_a_member_dies_while_it_gets_a_snapshot(self):
        """Whoever sends it goes on; the member gets it at the next start."""
        ens = self.ensemble(3, options=limits.OPTIONS).start()
        list(limits.znodes(ens, 20000))
        m = ens.followers()[0]
        for _ in range(3):
            m.kill()
            for name in os.listdir(m.folder):
                if name != "myid":
                    os.unlink(os.path.join(m.folder, name))
            m.start()
            wait_for("the snapshot to be on its way", lambda: any("mode=SNAP" in open(x.log).read() or "snap" in open(x.log).read().lower()
                                                                  for x in ens.members if x is not m))
        m.wait_serving()
        ens.wait_serving()
        limits.settled(ens)
        self.assertEqual(len({limits.metrics(x)["znode_count"] for x in ens.members}), 1)


if __name__ == "__main__":
    if ensemble.ENGINE != "ours" or not os.path.exists("/proc/self/status"):
        print("1..0 # SKIP the loop's figures are zkserver's, and memory is read from Linux's /proc")
        sys.exit(77)
    harness.main()
