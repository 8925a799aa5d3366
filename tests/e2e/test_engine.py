#!/usr/bin/env python3
"""The launcher's verbs with Apache ZooKeeper itself as the servers, alone and beside zkserver."""
import os
import socket
import time

import ensemble
import harness
import test_faults
from ensemble import wait_for

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

    def owner(self, folder, name, path):
        return test_faults.owner(self, folder, name, path)

    def assert_expired(self, zk):
        wait_for("the client to be told", lambda: test_faults.KazooState.LOST in zk.states)

    def depose(self, folder):
        """A step down, seen by a client: a new epoch, the same processes, everybody serves."""
        before, old = self.servers(folder), self.leader(folder)
        zk = self.kazoo(self.status(folder)["connect"], timeout=20.0)
        path = zk.create("/kept-", b"x", ephemeral=True, sequence=True)
        out = self.ok(folder, "stepdown")
        self.assertRegex(out, r"(?m)^%s \(leader, epoch %d\) steps down$" % (old["name"], old["epoch"]))
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d(, zoo\d)* +lost the leader: ")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d +leads epoch %d$" % (old["epoch"] + 1))
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +first write acknowledged$")
        self.assertRegex(out, r"(?m)^writes were unavailable for [\d.]+ m?s$")
        # Two of three are enough for a write.
        wait_for("everybody to serve", lambda: {s["state"] for s in self.servers(folder).values()} == {"serving"})
        after = self.servers(folder)
        self.assertEqual({n: s["pid"] for n, s in after.items()}, {n: s["pid"] for n, s in before.items()})
        self.assertEqual(self.leader(folder)["epoch"], old["epoch"] + 1)
        self.assert_faults(folder)
        wait_for("the client to come back", lambda: zk.connected)
        self.assertEqual(zk.retry(zk.get, path)[0], b"x")
        zk.retry(zk.set, path, b"y")
        harness.end_kazoo(zk)

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
        # Apache's election waits 5 s for each connection to a peer that hangs, one after the other, and may ask ever more rarely.
        status, out, err = self.pc(folder, "isolate", "leader", "--timeout", "180", timeout=200)
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"first write acknowledged")
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

    def test_what_only_the_jvm_could_do_is_refused(self):
        folder = self.up_with(1, "apache")
        for args, instead in ((("disk", "zoo1", "full"), "pause for a disk that hangs"),
                              (("disk", "all", "slow", "10ms"), "pause for a disk that hangs"),
                              (("kill", "zoo1", "--power-loss"), "kill it without --power-loss"),
                              (("kill", "leader", "--at", "propose"), "kill it without --power-loss")):
            err = self.refused(folder, *args)
            self.assertIn("zoo1 runs Apache ZooKeeper: ", err)
            self.assertIn(instead, err)
        self.assert_faults(folder)
        self.write_and_read(folder)

    def test_run_with_apache(self):
        status, out, err = self.pc(None, "run", "-n", "3", "--engine", "apache", "--", "sh", "-c",
                                   '"%s" status --json' % ensemble.program("pseudo-cluster"))
        self.assertEqual(status, 0, err)
        self.assertEqual(out.count('"engine":"apache"'), 3)


class Faults(Case):
    """What a server would be told, done to processes that take no orders."""

    def test_sessions_end_everywhere(self):
        folder = self.up_with(3, "apache")
        leader = self.leader(folder)["name"]
        follower, other = self.others(folder, leader)
        victim, bystander = self.owner(folder, follower, "/victim"), self.owner(folder, leader, "/bystander")
        gone = harness.Watched()
        self.assertIsNotNone(bystander.exists("/victim", watch=gone))
        self.assertIn("1 session expired", self.ok(folder, "expire", hex(victim.client_id[0])))
        self.assertEqual(gone.wait(), [("DELETED", "/victim")])
        self.assert_expired(victim)
        self.assertEqual(bystander.states, [])
        path = '/ein "Pfad" \u00fc'
        of_path = self.owner(folder, other, path)
        self.assertIn("1 session expired", self.ok(folder, "expire", "--owner", path))
        self.assert_expired(of_path)
        self.assertIsNone(bystander.exists(path))
        self.assertEqual(bystander.states, [])
        for args in (("--owner", "/nobody"), ("--owner", "/zookeeper"), ("0x1234",)):
            self.assertRegex(self.refused(folder, "expire", *args), "no session owns that path|no such session; there are: ")
        mine = self.owner(folder, leader, "/mine")  # at the leader itself, which the supervisor asks
        self.assertRegex(self.ok(folder, "expire", "--all"), r"(?m)^[2-9] sessions expired$")
        self.assert_expired(bystander)
        self.assert_expired(mine)

    def test_a_live_leader_steps_down(self):
        folder = self.up_with(3, "apache")
        for _ in range(3):
            self.depose(folder)

    def test_the_only_one_of_two_that_run_leads_again(self):
        """Nobody else can lead: the old leader, or the one follower, does in a new epoch."""
        folder = self.up_with(3, "apache")
        self.ok(folder, "stop", "follower")
        epoch = self.leader(folder)["epoch"]
        self.ok(folder, "stepdown")
        self.assertGreater(self.leader(folder)["epoch"], epoch)
        self.write_and_read(folder)

    def test_the_wall_clock(self):
        folder = self.up_with(1, "apache")
        zk = self.at(folder, "zoo1")

        def ahead():
            return zk.get(zk.create("/c-", sequence=True))[1].ctime / 1000 - time.time()

        for shift, seconds in (("+1min", 60), ("-30s", -30)):
            self.ok(folder, "clock", "zoo1", shift)
            self.assertAlmostEqual(ahead(), seconds, delta=10)
            self.assert_faults(folder, r"^zoo1 clock of transactions [+-]\d+ s$")
        # Nothing waits for it: the session, which would be long over, lives, and timeouts are what they were.
        since = time.monotonic()
        short = self.conn(("127.0.0.1", int(self.servers(folder)["zoo1"]["client"].rsplit(":", 1)[1])), timeout=4000)
        short.create("/short", flags=1)
        short.drop()
        wait_for("the silent session's end", lambda: zk.exists("/short") is None, timeout=30)
        self.assertGreater(time.monotonic() - since, 3)
        self.ok(folder, "heal")
        self.assertAlmostEqual(ahead(), 0, delta=10)
        self.ok(folder, "clock", "zoo1", "+60min")
        self.ok(folder, "restart", "zoo1")
        self.assert_faults(folder)
        wait_for("the client to come back", lambda: zk.connected)
        self.assertAlmostEqual(ahead(), 0, delta=10)

    def test_without_the_library_the_clock_is_refused(self):
        self.env["PSEUDO_CLUSTER_WALLCLOCK"] = os.path.join(self.folder, "missing.so")
        folder = self.up_with(1, "apache")
        self.assertIn("wallclock.so is not beside", self.refused(folder, "clock", "zoo1", "+30s"))
        self.assert_faults(folder)
        self.write_and_read(folder)

    def test_clients_are_reset_refused_and_cut_off(self):
        folder = self.up_with(3, "apache")
        leader = self.leader(folder)
        name = leader["name"]
        zk = self.owner(folder, name, "/e")
        session = zk.client_id[0]
        self.assertRegex(self.ok(folder, "drop-clients", name), r"(?m)^1 client connection cut$")
        wait_for("the client to come back", lambda: test_faults.KazooState.SUSPENDED in zk.states and zk.connected)
        self.assertEqual(zk.client_id[0], session)
        self.assertIsNotNone(zk.exists("/e"))
        host, port = leader["client"].rsplit(":", 1)
        self.ok(folder, "drop-clients", name, "--refuse")
        self.assert_faults(folder, "^%s refuses clients$" % name)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, (host, int(port)), 5)
        self.assertEqual(self.leader(folder)["name"], name)
        self.assertEqual(self.leader(folder)["state"], "serving")
        self.ok(folder, "restart", name)
        self.assertRaises(ConnectionRefusedError, socket.create_connection, (host, int(port)), 5)
        self.ok(folder, "heal")
        wait_for("the client to come back", lambda: zk.connected)
        other = self.others(folder, name)[0]
        stuck = self.at(folder, other)
        stuck.create("/s")
        self.ok(folder, "drop-clients", other, "--cut")
        self.assert_faults(folder, "^%s cut off from its clients$" % other)
        write = stuck.create_async("/late")
        self.write_and_read_at(folder, self.others(folder, other)[0])
        self.assertFalse(write.ready())
        self.assertEqual(self.servers(folder)[other]["state"], "serving")
        self.ok(folder, "heal", other)
        self.assertEqual(write.get(timeout=ensemble.DEADLINE), "/late")
        self.assert_faults(folder)

    def write_and_read_at(self, folder, name):
        zk = self.at(folder, name)
        self.assertEqual(zk.get(zk.create("/t-", b"x", sequence=True))[0], b"x")

    def test_a_member_of_ones_own_conf(self):
        """Its port is on a line of its own, so clients pass a relay; the whitelist is the conf's."""
        folder = test_faults.Case.up(self, 1)
        self.ok(folder, "down")
        os.remove(os.path.join(folder, "data", "zoo1", "log.db"))
        with open(os.path.join(folder, "confs", "zoo1.cfg"), "a") as f:
            f.write("4lw.commands.whitelist=srvr\n")
        self.ok(folder, "up", "1", "--engine", "apache")
        zk = self.owner(folder, "zoo1", "/e")
        self.assertIn("whitelist lacks dump", self.refused(folder, "expire", "--all"))
        self.assertIn("1 session expired", self.ok(folder, "expire", "--owner", "/e"))
        self.assert_expired(zk)
        self.ok(folder, "drop-clients", "zoo1", "--refuse")
        self.ok(folder, "heal")


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
        self.assertIn("zoo3 runs Apache ZooKeeper", self.refused(folder, "disk", "all", "full"))
        self.assert_faults(folder)

    def test_sessions_end_and_leaders_step_down_whoever_leads(self):
        """Until an Apache and a zkserver have both led, and both have been deposed."""
        folder = self.up_with(3, "apache:1")
        led = set()
        while led != {"zkserver", "apache"}:
            old = self.leader(folder)
            engine = self.servers(folder)[old["name"]]["engine"]
            at_ours, at_apache = self.owner(folder, "zoo1", "/ours"), self.owner(folder, "zoo3", "/apache")
            self.assertIn("1 session expired", self.ok(folder, "expire", "--owner", "/apache"))
            self.assert_expired(at_apache)
            self.assertEqual(at_ours.states, [])
            self.assertIsNone(at_ours.exists("/apache"))
            self.assertIn("1 session expired", self.ok(folder, "expire", hex(at_ours.client_id[0])))
            self.assert_expired(at_ours)
            harness.end_kazoo(at_ours)
            harness.end_kazoo(at_apache)
            self.depose(folder)
            led.add(engine)
            if led != {"zkserver", "apache"} and self.servers(folder)[self.leader(folder)["name"]]["engine"] in led:
                self.ok(folder, "restart", "leader")  # the other kind's turn
                self.ok(folder, "wait", "serving")


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
