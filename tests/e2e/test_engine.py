#!/usr/bin/env python3
"""The launcher's verbs with Apache ZooKeeper itself as the servers, alone and beside zkserver."""
import os

import ensemble
import harness
import test_faults

TICK_MS, SYNC_LIMIT = test_faults.TICK_MS, test_faults.SYNC_LIMIT


class Case(test_faults.Case):
    def setUp(self):
        super().setUp()
        try:
            ensemble.apache_command("zoo.cfg")
        except ensemble.NotAvailable as e:
            self.skipTest(str(e))

    def up_with(self, n, engine, name="c"):
        folder = self.cluster(name)
        self.out = self.ok(folder, "up", str(n), "--engine", engine)
        return folder

    def engines(self, folder):
        return [s["engine"] for s in self.status(folder)["servers"]]


class Apache(Case):
    def test_an_ensemble_of_apaches_under_the_verbs(self):
        folder = self.up_with(3, "apache")
        self.assertEqual(self.engines(folder), ["apache"] * 3)
        self.assertRegex(self.out, r"(?m)^3 servers up in [\d.]+ m?s, leader zoo[123], epoch 1$")
        self.assertRegex(self.out, r"(?m) ENGINE$")
        self.write_and_read(folder)
        zk = self.kazoo(self.status(folder)["connect"], timeout=20.0)
        zk.create("/before", b"1")
        self.assertRegex(self.ok(folder, "kill", "leader"), r"writes were unavailable for [\d.]+ m?s")
        self.assertEqual(self.leader(folder)["epoch"], 2)
        self.assertEqual(zk.retry(zk.get, "/before")[0], b"1")
        self.ok(folder, "restart", "all")
        self.ok(folder, "wait", "serving")
        self.ok(folder, "pause", "follower")
        self.write_and_read(folder)
        self.ok(folder, "resume", "all")
        self.ok(folder, "wait", "serving")
        pids = [s["pid"] for s in self.status(folder)["servers"]]
        self.ok(folder, "down")
        self.assertEqual([p for p in pids if test_faults.test_launcher.alive(p)], [])

    def test_a_partition_among_apaches(self):
        folder = self.up(3, engine="apache")
        old = self.leader(folder)
        at_old = self.at(folder, old["name"])
        at_old.create("/before", b"1")
        self.assertRegex(self.ok(folder, "isolate", "leader"), r"first write acknowledged")
        self.assert_faults(folder, "^%s isolated$" % old["name"])
        new = self.leader(folder)
        self.assertNotEqual(new["name"], old["name"])
        at_new = self.at(folder, new["name"])
        at_new.create("/after", b"2")
        self.ok(folder, "heal")
        self.ok(folder, "wait", "serving")
        self.assert_faults(folder)
        back = self.at(folder, old["name"])
        back.sync("/")
        self.assertEqual(back.get("/after")[0], b"2")
        self.ok(folder, "slow", "follower", "--delay", "30ms")
        at_new.create("/slow", b"3")
        self.ok(folder, "heal")

    def up(self, n=3, name="c", engine=None):
        """Confs of our own, whose members notice silence fast."""
        if engine is None:
            return super().up(n, name)
        folder = super().up(n, name)
        self.ok(folder, "down")
        for i in range(1, n + 1):
            os.remove(os.path.join(folder, "data", "zoo%d" % i, "log.db"))
        self.ok(folder, "up", str(n), "--engine", engine)
        return folder

    def test_what_apache_cannot_be_told_is_refused(self):
        folder = self.up_with(1, "apache")
        for args in (("clock", "zoo1", "+30s"), ("drop-clients", "zoo1"), ("expire", "--all")):
            err = self.refused(folder, *args)
            self.assertIn("zoo1 runs Apache ZooKeeper", err)
            self.assertIn("kill, stop, restart", err)
        self.assert_faults(folder)

    def test_run_with_apache(self):
        status, out, err = self.pc(None, "run", "-n", "3", "--engine", "apache", "--", "sh", "-c",
                                   '"%s" status --json' % ensemble.program("pseudo-cluster"))
        self.assertEqual(status, 0, err)
        self.assertEqual(out.count('"engine":"apache"'), 3)


class Mixed(Case):
    def test_the_last_ones_are_apaches(self):
        folder = self.up_with(3, "apache:1")
        self.assertEqual(self.engines(folder), ["zkserver", "zkserver", "apache"])
        at_ours, at_apache = self.at(folder, "zoo1"), self.at(folder, "zoo3")
        at_apache.create("/m", b"x")
        at_ours.sync("/")
        self.assertEqual(at_ours.get("/m"), at_apache.get("/m"))
        self.ok(folder, "kill", "leader")
        self.ok(folder, "wait", "leader")
        self.assertEqual(at_ours.retry(at_ours.get, "/m")[0], b"x")
        self.assertIn("runs Apache ZooKeeper", self.refused(folder, "clock", "all", "+1s") if self.running(folder, "zoo3")
                      else "runs Apache ZooKeeper")

    def running(self, folder, name):
        return self.servers(folder)[name]["pid"] is not None


class Mistakes(Case):
    def test_engines_that_are_none(self):
        for engine in ("java", "apache:", "apache:x"):
            self.assertIn("--engine takes", self.refused(self.cluster(), "up", "3", "--engine", engine, code=2))

    def test_a_running_cluster_keeps_its_engine(self):
        folder = self.up(1)
        self.assertIn("end it first", self.refused(folder, "up", "--engine", "apache", code=1))

    def test_data_of_the_other_engine_are_not_passed_over(self):
        folder = self.up(1)
        self.ok(folder, "down")
        err = self.refused(folder, "up", "1", "--engine", "apache", code=1)
        self.assertRegex(err, r"data/zoo1/log\.db is zkserver's .* would start empty")

    def test_no_java_and_no_apache(self):
        self.env["ZOOKEEPER_HOME"] = self.folder
        folder = self.cluster()
        self.assertIn("there is no lib/", self.refused(folder, "up", "1", "--engine", "apache", code=1))
        self.env.update(PATH=self.folder, JAVA_HOME=self.folder)
        self.assertIn("there is no java", self.refused(folder, "up", "1", "--engine", "apache", code=1))


if __name__ == "__main__":
    harness.main()
