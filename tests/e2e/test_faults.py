#!/usr/bin/env python3
"""The launcher's faults beyond signals, each seen by a real client: a network that is cut, slow or closed to clients."""
import os
import socket
import time

import harness
import test_launcher
from ensemble import DEADLINE, ports, wait_for
from kazoo.client import KazooState

TICK_MS, SYNC_LIMIT = 200, 5
# As long as nothing else than the fault could be the reason; silence is noticed within syncLimit.
SILENCE = TICK_MS * SYNC_LIMIT / 1000


def owner(case, folder, name, path):
    """A client with an ephemeral, and what happened to it."""
    zk = case.at(folder, name)
    zk.states = []
    zk.add_listener(zk.states.append)
    zk.create(path, ephemeral=True)
    return zk


class Case(test_launcher.Case):
    def up(self, n=3, name="c"):
        """A cluster that notices silence fast: the confs are ours, the launcher uses them as they are."""
        folder = self.cluster(name)
        os.makedirs(os.path.join(folder, "confs"))
        held = {i: (ports.take(), ports.take(), ports.take()) for i in range(1, n + 1)}
        for i in held:
            lines = ["tickTime=%d" % TICK_MS, "initLimit=25", "syncLimit=%d" % SYNC_LIMIT, "maxClientCnxns=0",
                     "maxSessionTimeout=60000", "dataDir=data/zoo%d" % i, "clientPortAddress=127.0.0.1",
                     "clientPort=%d" % held[i][0]]
            lines += ["server.%d=127.0.0.1:%d:%d" % (j, held[j][1], held[j][2]) for j in held if n > 1]
            with open(os.path.join(folder, "confs", "zoo%d.cfg" % i), "w") as f:
                f.write("\n".join(lines) + "\n")
        self.ok(folder, "up", str(n))
        return folder

    def at(self, folder, name, **kw):
        """A client of this server alone."""
        return self.kazoo(self.servers(folder)[name]["client"], timeout=20.0, **kw)

    def others(self, folder, name):
        return [s for s in self.servers(folder) if s != name]

    def refused(self, folder, *args, code=4):
        status, out, err = self.pc(folder, *args)
        self.assertEqual(status, code, "%s: %s%s" % (args, out, err))
        self.assertNotEqual(err.strip(), "")
        return err

    def assert_faults(self, folder, *patterns):
        """Status tells these faults and no others, to people and to programs."""
        lines = self.status(folder)["faults"]
        self.assertEqual(len(lines), len(patterns), lines)
        text = self.ok(folder, "status")
        for pattern, line in zip(patterns, lines):
            self.assertRegex(line, pattern)
            self.assertIn("\n  %s\n" % line, text)
        self.assertEqual("\nfaults\n" in text, bool(patterns))


class Partitions(Case):
    def test_an_isolated_leader_commits_nothing_and_the_others_go_on(self):
        folder = self.up(3)
        old = self.leader(folder)["name"]
        stale = self.at(folder, old)
        stale.create("/a", b"before")
        out = self.ok(folder, "isolate", "leader")
        self.assertRegex(out, r"(?m)^isolated: %s" % old)
        self.assertIn("within syncLimit", out)
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d(, zoo\d)? +lost the leader: silence")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +first write acknowledged$")
        self.assertRegex(out, r"(?m)^writes were unavailable for [\d.]+ m?s$")
        self.assert_faults(folder, "^%s isolated$" % old)
        new = self.leader(folder)
        self.assertNotEqual(new["name"], old)
        row = self.servers(folder)[old]
        self.assertEqual(row["faults"]["cut_in"], row["faults"]["cut_out"])
        self.assertNotEqual(row["state"], "serving")
        self.at(folder, new["name"]).set("/a", b"after")
        self.refused(folder, "isolate", old)
        out = self.ok(folder, "heal")
        self.assertRegex(out, r"leader %s, 3 of 3 voters joined after" % new["name"])
        self.assert_faults(folder)
        self.assertEqual(self.servers(folder)[old]["role"], "follower")
        wait_for("the client of %s" % old, lambda: stale.connected)
        stale.sync("/a")
        self.assertEqual(stale.get("/a")[0], b"after")

    def test_a_write_in_a_leader_cut_off_is_not_acknowledged(self):
        folder = self.up(3)
        old = self.leader(folder)["name"]
        stale = self.at(folder, old)
        stale.create("/b", b"0")
        self.ok(folder, "isolate", old, "--one-way", "out")
        write = stale.set_async("/b", b"lost")
        with self.assertRaises(Exception):
            write.get(timeout=30)
        wait_for("a new leader", lambda: [s for s in self.servers(folder).values()
                                          if s["role"] == "leader" and s["state"] == "serving" and s["name"] != old])
        other = self.at(folder, self.leader(folder)["name"])
        other.set("/b", b"kept")
        self.ok(folder, "heal", old)
        wait_for("the client of %s" % old, lambda: stale.connected)
        stale.sync("/b")
        self.assertEqual(stale.get("/b")[0], b"kept")

    def test_a_partition_leaves_the_larger_part_at_work(self):
        folder = self.up(5)
        leader = self.leader(folder)["name"]
        lonely = [s for s in self.servers(folder) if s != leader][:2]
        rest = [s for s in self.servers(folder) if s not in lonely]
        before = self.leader(folder)
        behind = self.at(folder, lonely[0])
        out = self.ok(folder, "partition", ",".join(lonely), "/", ",".join(rest))
        self.assertIn("writes go on: leader %s reaches 3 of 5" % leader, out)
        self.assert_faults(folder, r"^zoo\d.* \| zoo\d.* parted$")
        zk = self.at(folder, rest[0])
        zk.create("/during", b"x")
        for name in lonely:
            wait_for("%s to notice" % name, lambda: self.servers(folder)[name]["state"] != "serving")
        now = self.leader(folder)
        self.assertEqual([now["name"], now["epoch"]], [before["name"], before["epoch"]])
        self.ok(folder, "heal")
        wait_for("the client of %s" % lonely[0], lambda: behind.connected)
        behind.sync("/during")
        self.assertEqual(behind.get("/during")[0], b"x")
        self.assertEqual(self.leader(folder)["epoch"], before["epoch"])

    def test_no_part_has_a_quorum(self):
        folder = self.up(3)
        out = self.ok(folder, "partition", "1", "/", "2", "/", "3")
        self.assertIn("no write is acknowledged", out)
        wait_for("all to notice", lambda: not [s for s in self.servers(folder).values() if s["serving"]])
        self.assertIsNone(self.status(folder)["leader"])
        out = self.ok(folder, "heal")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +first write acknowledged$")
        self.write_and_read(folder)

    def test_a_follower_that_hears_nothing(self):
        folder = self.up(3)
        leader = self.leader(folder)
        name = self.others(folder, leader["name"])[0]
        zk = self.at(folder, name)
        zk.create("/h", b"0")
        self.ok(folder, "isolate", name, "--one-way", "in")
        self.assert_faults(folder, "^%s isolated, one way: what the others send it is lost$" % name)
        with self.assertRaises(Exception):
            zk.set_async("/h", b"1").get(timeout=30)
        wait_for("%s to notice" % name, lambda: self.servers(folder)[name]["state"] != "serving")
        other = self.at(folder, leader["name"])
        other.create("/i")
        # It was heard: whether its write counts is the ensemble's to say, but everybody has to agree on it.
        self.ok(folder, "heal", name)
        wait_for("the client of %s" % name, lambda: zk.connected)
        zk.sync("/h")
        self.assertEqual(zk.get("/h")[0], other.get("/h")[0])
        self.assertEqual(self.leader(folder)["epoch"], leader["epoch"])

    def test_a_leader_that_hears_nothing_gives_up(self):
        folder = self.up(3)
        old = self.leader(folder)
        zk = self.at(folder, old["name"])
        zk.create("/b", b"0")
        self.ok(folder, "isolate", "leader", "--one-way", "in")
        self.assert_faults(folder, "^%s isolated, one way: what the others send it is lost$" % old["name"])
        row = self.servers(folder)[old["name"]]["faults"]
        self.assertEqual((len(row["cut_in"]), "cut_out" in row), (2, False))
        with self.assertRaises(Exception):
            zk.set_async("/b", b"unheard").get(timeout=30)
        wait_for("another leader", lambda: [s for s in self.servers(folder).values() if s["role"] == "leader" and
                                            s["state"] == "serving" and s["name"] != old["name"]])
        other = self.at(folder, self.leader(folder)["name"])
        # What it proposed was heard: a next leader may have kept it.
        value = other.get("/b")[0]
        self.assertIn(value, (b"0", b"unheard"))
        self.ok(folder, "heal")
        wait_for("the client of %s" % old["name"], lambda: zk.connected)
        zk.sync("/b")
        self.assertEqual(zk.get("/b")[0], value)

    def test_a_follower_that_nobody_hears(self):
        folder = self.up(3)
        leader = self.leader(folder)
        name = self.others(folder, leader["name"])[0]
        zk = self.at(folder, name)
        zk.create("/h", b"0")
        self.ok(folder, "isolate", name, "--one-way", "out")
        self.assert_faults(folder, "^%s isolated, one way: what it sends the others is lost$" % name)
        with self.assertRaises(Exception):
            zk.set_async("/h", b"1").get(timeout=30)
        wait_for("%s to be left" % name, lambda: self.servers(folder)[name]["state"] != "serving")
        other = self.at(folder, leader["name"])
        self.assertEqual(other.get("/h")[0], b"0")  # nobody heard of it
        other.set("/h", b"2")
        self.assertEqual(self.leader(folder)["epoch"], leader["epoch"])
        self.ok(folder, "heal", name)
        wait_for("the client of %s" % name, lambda: zk.connected)
        zk.sync("/h")
        self.assertEqual(zk.get("/h")[0], b"2")

    def test_heal_one_of_two(self):
        folder = self.up(5)
        leader = self.leader(folder)["name"]
        a, b = self.others(folder, leader)[:2]
        self.ok(folder, "isolate", a)
        self.ok(folder, "isolate", b)
        self.write_and_read_at(folder, leader)
        self.ok(folder, "heal", a)
        self.assertEqual(self.servers(folder)[a]["state"], "serving")
        self.assert_faults(folder, "^%s isolated$" % b)
        self.ok(folder, "heal", "all")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})

    def write_and_read_at(self, folder, name):
        zk = self.at(folder, name)
        self.assertEqual(zk.get(zk.create("/t-", b"x", sequence=True))[0], b"x")

    def test_a_network_does_not_heal_because_a_process_restarts(self):
        folder = self.up(3)
        victim = self.others(folder, self.leader(folder)["name"])[0]
        self.ok(folder, "isolate", victim)
        pid = self.servers(folder)[victim]["pid"]
        self.ok(folder, "restart", victim)
        self.assertNotEqual(self.servers(folder)[victim]["pid"], pid)
        self.assert_faults(folder, victim)
        since = time.monotonic()
        while time.monotonic() - since < SILENCE:
            self.assertNotEqual(self.servers(folder)[victim]["state"], "serving")
        self.ok(folder, "heal", victim)
        self.assertEqual(self.servers(folder)[victim]["state"], "serving")

    def test_a_kill_is_not_seen_across_a_cut(self):
        folder = self.up(3)
        leader = self.leader(folder)["name"]
        self.ok(folder, "partition", leader, "/", ",".join(self.others(folder, leader)))
        new = self.leader(folder)["name"]
        self.assertNotEqual(new, leader)
        out = self.ok(folder, "kill", leader)
        self.assertIn("writes went on", out)
        self.assertEqual(self.leader(folder)["name"], new)
        self.ok(folder, "restart", leader)
        self.ok(folder, "heal")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})

    def test_what_makes_no_sense(self):
        folder = self.up(3)
        self.assertIn("nothing is broken", self.refused(folder, "heal"))
        self.assertIn("nothing is broken", self.refused(folder, "heal", "2"))
        self.refused(folder, "isolate", "zoo9")
        self.refused(folder, "partition", "1", "/", "9")
        for args in (("partition", "1"), ("partition",), ("partition", "1", "/", "1,2"), ("isolate",), ("slow", "1"),
                     ("isolate", "1", "--one-way", "up"), ("slow", "1", "--delay", "3"), ("heal", "1", "2"),
                     ("slow", "1", "--delay", "10ms", "--jitter", "20ms"), ("drop-clients",), ("isolate", "nobody")):
            self.refused(folder, *args, code=2)
        self.assert_faults(folder)


class Slow(Case):
    def took(self, zk):
        since = time.monotonic()
        zk.set("/s", b"x")
        return time.monotonic() - since

    def test_a_slow_leader_makes_writes_slow(self):
        folder = self.up(3)
        zk = self.at(folder, self.leader(folder)["name"])
        zk.create("/s")
        out = self.ok(folder, "slow", "leader", "--delay", "80ms", "--jitter", "10ms")
        self.assertIn("each way 80 ms", out)
        self.assert_faults(folder, "slow: each way 80 ms, more or less by up to 10 ms")
        for _ in range(3):
            self.assertGreaterEqual(self.took(zk), 0.140)  # there and back, less the jitter
        self.refused(folder, "heal", self.others(folder, self.leader(folder)["name"])[0])
        self.ok(folder, "heal", "leader")
        self.assert_faults(folder)
        self.assertLess(min(self.took(zk) for _ in range(10)), 0.080)

    def test_one_slow_follower_slows_only_its_own_clients(self):
        folder = self.up(3)
        leader = self.leader(folder)["name"]
        slow, fast = self.others(folder, leader)
        zk, other = self.at(folder, slow), self.at(folder, fast)
        zk.create("/s")
        self.ok(folder, "slow", slow, "--delay", "100ms")
        self.assertGreaterEqual(self.took(zk), 0.200)
        self.assertLess(min(self.took(other) for _ in range(10)), 0.100)
        self.ok(folder, "slow", slow, "--delay", "0")
        self.assert_faults(folder)


class Clients(Case):
    def test_dropped_clients_keep_their_session_and_come_back(self):
        folder = self.up(3)
        name = self.leader(folder)["name"]
        zk = self.at(folder, name)
        session = zk.client_id[0]
        states = []
        zk.add_listener(states.append)
        zk.create("/e", ephemeral=True)
        out = self.ok(folder, "drop-clients", "leader")
        self.assertRegex(out, r"(?m)^clients dropped: %s" % name)
        self.assertRegex(out, r"(?m)^1 client connection cut$")
        wait_for("the client to come back", lambda: KazooState.SUSPENDED in states and zk.connected)
        self.assertEqual(zk.client_id[0], session)
        self.assertIsNotNone(zk.exists("/e"))
        self.assert_faults(folder)
        self.assertEqual(self.leader(folder)["name"], name)

    def test_refused_clients_find_nobody_until_heal(self):
        folder = self.up(3)
        epoch = self.leader(folder)["epoch"]
        name = self.leader(folder)["name"]
        host, port = self.servers(folder)[name]["client"].rsplit(":", 1)
        zk = self.kazoo(self.status(folder)["connect"])
        self.ok(folder, "drop-clients", name, "--refuse")
        self.assert_faults(folder, "%s refuses clients" % name)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=5)
        wait_for("the client to be elsewhere", lambda: zk.connected)
        self.write_and_read(folder)
        row = self.leader(folder)
        self.assertEqual([row["name"], row["epoch"], row["state"]], [name, epoch, "serving"])
        self.ok(folder, "restart", name)
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection((host, int(port)), timeout=5)
        self.ok(folder, "heal", name)
        socket.create_connection((host, int(port)), timeout=5).close()
        self.assert_faults(folder)
        self.assertEqual(self.refused(folder, "heal", name).count("nothing is broken"), 1)


    def test_client_links_cut_while_peers_stay_joined(self):
        folder = self.up(3)
        before = self.leader(folder)
        stuck = self.at(folder, before["name"])
        hosts = [before["client"]] + [self.servers(folder)[s]["client"] for s in self.others(folder, before["name"])]
        moving = self.kazoo(",".join(hosts), timeout=3.0, randomize_hosts=False)
        session = moving.client_id[0]
        stuck.create("/s")
        moving.create("/e", ephemeral=True)
        states = []
        moving.add_listener(states.append)
        out = self.ok(folder, "drop-clients", "leader", "--cut")
        self.assertRegex(out, r"(?m)^cut off from their clients: %s; connections stay open" % before["name"])
        self.assertRegex(out, r"(?m)^2 client connections cut$")
        self.assert_faults(folder, "^%s cut off from its clients$" % before["name"])
        self.assertEqual(self.leader(folder)["faults"], {"cuts_clients": True})
        write = stuck.create_async("/late")
        host, port = before["client"].rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=DEADLINE) as s:
            s.sendall(b"srvr")
            wait_for("the client to be elsewhere", lambda: KazooState.SUSPENDED in states and moving.connected)
            self.assertEqual(moving.client_id[0], session)
            self.assertIsNotNone(moving.exists("/e"))
            moving.create("/moved")
            self.assertFalse(write.ready())
            s.setblocking(False)
            self.assertRaises(BlockingIOError, s.recv, 4)
            now = self.leader(folder)
            self.assertEqual([now[k] for k in ("name", "epoch", "state")], [before[k] for k in ("name", "epoch", "state")])
            self.ok(folder, "heal", before["name"])
            s.settimeout(DEADLINE)
            self.assertEqual(s.recv(4), b"Zook")
        self.assertEqual(write.get(timeout=DEADLINE), "/late")
        self.assert_faults(folder)
        self.refused(folder, "drop-clients", "leader", "--cut", "--refuse", code=2)


class Sessions(Case):
    def owner(self, folder, name, path):
        return owner(self, folder, name, path)

    def assert_expired(self, zk):
        wait_for("the client to be told", lambda: KazooState.LOST in zk.states)

    def test_an_expired_session_ends_everywhere(self):
        folder = self.up(3)
        follower = self.others(folder, self.leader(folder)["name"])[0]
        victim = self.owner(folder, follower, "/victim")
        zk = self.owner(folder, self.leader(folder)["name"], "/bystander")
        gone = harness.Watched()
        self.assertIsNotNone(zk.exists("/victim", watch=gone))
        zxid = int(self.leader(folder)["zxid"], 16)
        out = self.ok(folder, "expire", hex(victim.client_id[0]))
        self.assertIn("1 session expired", out)
        self.assertEqual(gone.wait(), [("DELETED", "/victim")])
        self.assertIsNone(zk.exists("/victim"))
        self.assertGreater(int(self.leader(folder)["zxid"], 16), zxid)
        self.assert_expired(victim)
        self.assertEqual(zk.states, [])
        self.assertIsNotNone(zk.exists("/bystander"))

    def test_the_owner_of_a_path_and_all(self):
        folder = self.up(3)
        follower = self.others(folder, self.leader(folder)["name"])[0]
        path = '/ein "Pfad" \u00fc'
        a, b, c = self.owner(folder, follower, path), self.owner(folder, follower, "/b"), self.owner(folder, follower, "/c")
        self.ok(folder, "expire", "--owner", path)
        self.assert_expired(a)
        self.assertEqual((b.states, c.states), ([], []))
        self.ok(folder, "expire", "--all")
        self.assert_expired(b)
        self.assert_expired(c)

    def test_there_is_no_such_session(self):
        folder = self.up(3)
        self.assertIn("no such session", self.refused(folder, "expire", "0x1234"))
        self.refused(folder, "expire", "--owner", "/zookeeper")
        self.refused(folder, "expire", "--owner", "/nobody")
        self.refused(folder, "expire", "--all")
        for args in ((), ("--all", "0x1"), ("session",), ("--owner", "relative"), ("0x1", "0x2")):
            self.refused(folder, "expire", *args, code=2)
        self.ok(folder, "kill", "all")
        self.assertIn("no leader", self.refused(folder, "expire", "--all"))
        self.assertIn("no leader", self.refused(folder, "stepdown"))

    def test_alone(self):
        folder = self.up(1)
        zk = self.owner(folder, "zoo1", "/e")
        self.ok(folder, "expire", "--owner", "/e")
        self.assert_expired(zk)
        for args in (("stepdown",), ("isolate", "1"), ("slow", "1", "--delay", "1ms"), ("heal",)):
            self.refused(folder, *args)


class Leaders(Case):
    def test_stepdown_makes_a_new_epoch_and_ends_no_process(self):
        folder = self.up(3)
        before = self.servers(folder)
        old = self.leader(folder)
        zk = self.kazoo(self.status(folder)["connect"])
        zk.create("/kept", b"x", ephemeral=True)
        out = self.ok(folder, "stepdown")
        self.assertRegex(out, r"(?m)^%s \(leader, epoch %d\) steps down$" % (old["name"], old["epoch"]))
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d(, zoo\d)? +lost the leader")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d +elected by \d of 3$")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +first write acknowledged$")
        self.assertRegex(out, r"(?m)^writes were unavailable for [\d.]+ m?s$")
        # Two of three are enough for a write.
        wait_for("everybody to serve", lambda: {s["state"] for s in self.servers(folder).values()} == {"serving"})
        after = self.servers(folder)
        self.assertEqual({n: s["pid"] for n, s in after.items()}, {n: s["pid"] for n, s in before.items()})
        self.assertEqual({s["epoch"] for s in after.values()}, {old["epoch"] + 1})
        wait_for("the client to come back", lambda: zk.connected)
        self.assertEqual(zk.get("/kept")[0], b"x")

    def test_the_clock_of_transactions(self):
        folder = self.up(3)
        name = self.leader(folder)["name"]
        zk = self.at(folder, name)

        def ahead(path):
            return zk.get(zk.create(path))[1].ctime / 1000 - time.time()

        for shift, seconds in (("+1min", 60), ("-30s", -30)):
            self.ok(folder, "clock", "leader", shift)
            self.assertAlmostEqual(ahead("/c%d" % seconds), seconds, delta=10)
            self.assert_faults(folder, r"^%s clock of transactions [+-]\d+ s$" % name)
        self.assertEqual(self.leader(folder)["faults"], {"clock_ms": -30000})
        self.ok(folder, "clock", name, "reset")
        self.assertAlmostEqual(ahead("/reset"), 0, delta=10)
        self.assert_faults(folder)
        self.refused(folder, "clock", name, "reset")
        for args in ((name,), (name, "30s"), (name, "+30"), ("+30s",), (name, "+30s", "more")):
            self.refused(folder, "clock", *args, code=2)
        follower = self.others(folder, name)[0]
        self.ok(folder, "clock", follower, "+5s")
        self.ok(folder, "restart", follower)
        self.assert_faults(folder)

    def test_all_of_it_together(self):
        folder = self.up(5)
        leader = self.leader(folder)["name"]
        a, b = self.others(folder, leader)[:2]
        zk = self.kazoo(self.status(folder)["connect"])
        zk.create("/n", b"0")
        self.ok(folder, "slow", "all", "--delay", "5ms", "--jitter", "2ms")
        self.ok(folder, "isolate", a)
        self.ok(folder, "drop-clients", b, "--refuse")
        self.ok(folder, "clock", leader, "+10s")
        self.ok(folder, "stepdown")
        self.ok(folder, "isolate", "leader")
        self.ok(folder, "wait", "serving")
        wait_for("the client to come back", lambda: zk.connected and zk.retry(zk.set, "/n", b"1"))
        self.assertEqual(len(self.status(folder)["faults"]), 9)
        self.ok(folder, "heal")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})
        self.assert_faults(folder)
        wait_for("the client to come back", lambda: zk.connected)
        self.assertEqual(zk.get("/n")[0], b"1")


if __name__ == "__main__":
    harness.main()
