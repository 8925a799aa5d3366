#!/usr/bin/env python3
"""The launcher's faults of disks, power and single steps: `disk`, `kill --power-loss` and `kill --at`, each seen by a real client."""
import contextlib
import glob
import json
import os
import time

import harness
import test_faults
import wire
from ensemble import wait_for
from test_verbs import alive


def address(server):
    host, port = server["client"].rsplit(":", 1)
    return host, int(port)


class Case(test_faults.Case):
    def trees(self, folder):
        """Every member's, read directly; they are alike."""
        trees = [wire.read_tree(address(s), "/", ("/zookeeper",)) for s in self.servers(folder).values()]
        for tree in trees[1:]:
            self.assertEqual(tree, trees[0])
        return trees[0]

    def connected(self, folder):
        return self.kazoo(self.status(folder)["connect"], timeout=20.0)

    def facts(self, folder, *args):
        return [json.loads(line) for line in self.ok(folder, "--json", *args).splitlines()]

    def assert_ended_by_its_disk(self, folder, name, words):
        wait_for("%s to end" % name, lambda: self.servers(folder)[name]["pid"] is None)
        row = self.servers(folder)[name]
        self.assertEqual(row["state"], "crashed (exit 16)")
        self.assertRegex(row["last"], words)


class Disks(Case):
    def took(self, zk):
        since = time.monotonic()
        zk.set("/s", b"x")
        return time.monotonic() - since

    def test_slow_disks_make_writes_slow_when_a_quorum_has_them(self):
        folder = self.up(3)
        leader = self.leader(folder)["name"]
        a, b = self.others(folder, leader)
        zk = self.at(folder, leader)
        zk.create("/s")
        out = self.ok(folder, "disk", a, "slow", "150ms")
        self.assertIn("each sync takes longer by 150 ms", out)
        self.assert_faults(folder, "^%s disk slow: each sync takes 150 ms longer$" % a)
        self.assertLess(min(self.took(zk) for _ in range(5)), 0.15)  # the two others are a quorum
        self.ok(folder, "disk", b, "slow", "150ms")
        self.assertEqual(self.servers(folder)[b]["faults"], {"disk": "slow", "disk_slow_us": 150000})
        self.assertGreaterEqual(self.took(zk), 0.15)
        self.ok(folder, "restart", b)
        self.assert_faults(folder, a, b)
        self.assertGreaterEqual(self.took(zk), 0.15)
        self.ok(folder, "heal", a)
        self.assert_faults(folder, b)
        self.assertLess(min(self.took(zk) for _ in range(5)), 0.15)
        self.ok(folder, "disk", b, "ok")
        self.assert_faults(folder)

    def test_a_full_disk_ends_a_follower_which_comes_back_when_there_is_room(self):
        folder = self.up(3)
        leader = self.leader(folder)
        name = self.others(folder, leader["name"])[0]
        there, other = self.at(folder, name), self.at(folder, leader["name"])
        there.create("/before")
        self.ok(folder, "disk", name, "full")
        self.assert_faults(folder, "^%s disk full: the next write ends it$" % name)
        self.assertIsNotNone(there.exists("/before"))
        for n in range(20):
            other.create("/n%d" % n, b"x")
        self.assert_ended_by_its_disk(folder, name, "disk is full: free space, then start the server again")
        self.assertFalse(there.connected)
        self.assertEqual(self.leader(folder)["epoch"], leader["epoch"])
        status, out, err = self.pc(folder, "restart", name)
        self.assertEqual(status, 1, out)
        self.assertIn("disk is full", err)
        self.assert_faults(folder, "^%s disk full" % name)
        self.ok(folder, "disk", name, "ok")
        self.assert_faults(folder)
        self.assertEqual(self.servers(folder)[name]["state"], "serving")
        wait_for("the client of %s" % name, lambda: there.connected)
        self.assertIn("/n19", self.trees(folder))

    def test_an_io_error_ends_a_leader_and_heal_brings_it_back(self):
        folder = self.up(3)
        old = self.leader(folder)
        zk = self.connected(folder)
        zk.create("/kept")
        self.ok(folder, "disk", "leader", "eio")
        self.assert_faults(folder, "^%s disk fails with EIO: the next write ends it$" % old["name"])
        with contextlib.suppress(Exception):  # the leader may take its client along
            zk.create("/more")
        self.assert_ended_by_its_disk(folder, old["name"], "I/O error.*check the disk")
        self.ok(folder, "wait", "leader")
        self.assertGreater(self.leader(folder)["epoch"], old["epoch"])
        self.assertEqual(self.pc(folder, "restart", old["name"])[0], 1)
        out = self.ok(folder, "heal")
        self.assertRegex(out, "3 of 3 voters joined")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})
        wait_for("the client to come back", lambda: zk.connected)
        zk.ensure_path("/more")
        self.assertEqual({"/kept", "/more"} - set(self.trees(folder)), set())

    def test_full_disks_of_all_lose_nothing_acknowledged(self):
        folder = self.up(3)
        zk = self.connected(folder)
        acknowledged = [zk.create("/a%d" % n) for n in range(50)]
        self.ok(folder, "disk", "all", "full")
        with self.assertRaises(Exception):
            zk.create("/never")
        wait_for("no quorum", lambda: self.status(folder)["leader"] is None)
        out = self.ok(folder, "disk", "all", "ok")
        self.assertIn("in order again", out)
        wait_for("all to serve", lambda: {s["state"] for s in self.servers(folder).values()} == {"serving"})
        self.assertEqual(set(acknowledged) - set(self.trees(folder)), set())

    def test_beside_other_faults(self):
        folder = self.up(5)
        leader = self.leader(folder)["name"]
        a, b, c, _ = self.others(folder, leader)
        zk = self.at(folder, leader)
        zk.create("/n")
        self.ok(folder, "disk", a, "full")
        self.ok(folder, "isolate", b)
        self.ok(folder, "clock", c, "+10s")
        self.ok(folder, "slow", c, "--delay", "5ms")
        zk.set("/n", b"1")
        self.assert_ended_by_its_disk(folder, a, "full")
        self.assertEqual(len(self.status(folder)["faults"]), 4)
        self.ok(folder, "heal", a)
        self.assertEqual(len(self.status(folder)["faults"]), 3)
        self.assertEqual(self.servers(folder)[a]["state"], "serving")
        self.ok(folder, "heal")
        self.assert_faults(folder)
        self.assertEqual(self.trees(folder)["/n"][0], b"1")

    def test_what_makes_no_sense(self):
        folder = self.up(1)
        for args in (("zoo1",), ("zoo1", "broken"), ("zoo1", "slow"), ("zoo1", "slow", "200"), ("zoo1", "slow", "2min"),
                     ("zoo1", "full", "200ms"), (), ("nobody", "full")):
            self.refused(folder, "disk", *args, code=2)
        self.assertIn("there is only zoo1", self.refused(folder, "disk", "zoo2", "full"))
        self.assertIn("no disk is broken there", self.refused(folder, "disk", "zoo1", "ok"))
        self.assert_faults(folder)


class PowerLoss(Case):
    def on_disk(self, folder, text):
        """The system has it, synced or not."""
        for path in glob.glob(os.path.join(folder, "data", "zoo1", "log.db*")):
            with open(path, "rb") as f:
                if text in f.read():
                    return True
        return False

    def half_written(self, folder):
        """A write that waits for its sync."""
        zk = self.connected(folder)
        zk.create("/before")
        self.ok(folder, "disk", "zoo1", "slow", "60s")
        zk.create_async("/half-written")
        wait_for("the write", lambda: self.on_disk(folder, b"/half-written"))

    def test_a_kill_keeps_what_a_loss_of_power_takes(self):
        for args, there in (((), True), (("--power-loss",), False)):
            folder = self.up(1, "c%d" % there)
            self.half_written(folder)
            pid = self.servers(folder)["zoo1"]["pid"]
            out = self.ok(folder, "kill", "zoo1", *args)
            self.assertFalse(alive(pid))
            self.assertEqual("killed with a loss of power" in out, not there)
            if not there:
                self.assertRegex(out, r"zoo1 +loses its power: \d+ writes \(\d+ bytes\) not synced; of the last \d+ of \d+ "
                                      r"bytes in log.db-wal are there")
            self.ok(folder, "heal")
            self.ok(folder, "restart", "zoo1")
            zk = self.connected(folder)
            self.assertIsNotNone(zk.exists("/before"))
            self.assertEqual(zk.exists("/half-written") is not None, there)

    def test_all_at_once_under_load(self):
        folder = self.up(3)
        acknowledged = []
        for n in range(3):
            zk = self.connected(folder)
            writes = []
            for k in range(200):
                writes.append(zk.create_async("/n%d-%d" % (n, k), b"x" * 500))
            writes[n * 20].get(timeout=30)
            facts = self.facts(folder, "kill", "all", "--power-loss")
            self.assertEqual(len([f for f in facts if f.get("fact") == "dying" and f["power_loss"]]), 3)
            self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"down"})
            wait_for("the client to notice", lambda: not zk.connected)
            acknowledged += [w.get_nowait() for w in writes if w.successful()]
            harness.end_kazoo(zk)
            self.ok(folder, "restart", "all")
            self.ok(folder, "wait", "serving")
            self.assertEqual(set(acknowledged) - set(self.trees(folder)), set())
        self.assertGreater(len(acknowledged), 3)

    def test_a_paused_one_and_an_isolated_one(self):
        folder = self.up(3)
        leader = self.leader(folder)["name"]
        a, b = self.others(folder, leader)
        self.ok(folder, "pause", a)
        self.ok(folder, "kill", a, "--power-loss")
        self.assertEqual(self.servers(folder)[a]["state"], "down")
        self.refused(folder, "kill", a, "--power-loss")
        self.ok(folder, "restart", a)
        self.ok(folder, "isolate", b)
        out = self.ok(folder, "kill", b, "--power-loss")
        self.assertIn("writes went on", out)
        self.ok(folder, "restart", b)
        self.ok(folder, "heal")
        self.write_and_read(folder)
        self.trees(folder)


class Steps(Case):
    def die_at(self, step, *power):
        """The client of a leader that dies at this step of its write: whether the write is there afterwards, everywhere."""
        folder = self.up(3)
        old = self.leader(folder)
        zk = self.at(folder, old["name"])
        zk.create("/before")
        out = self.ok(folder, "kill", "leader", "--at", step, *power)
        self.assertIn("%s dies at %s of the next write" % (old["name"], step), out)
        self.assert_faults(folder, "^%s dies at %s of the next write that it leads" % (old["name"], step))
        self.assertEqual(self.leader(folder)["faults"]["dies_at"], step)
        self.at(folder, self.others(folder, old["name"])[0])  # a session is no write
        self.assertTrue(alive(old["pid"]))
        write = zk.create_async("/written", b"x")
        with self.assertRaises(Exception):
            write.get(timeout=30)
        wait_for("%s to be gone" % old["name"], lambda: self.servers(folder)[old["name"]]["state"] == "down")
        self.assertFalse(alive(old["pid"]))
        self.ok(folder, "wait", "leader")
        self.assertEqual(self.leader(folder)["epoch"], old["epoch"] + 1)
        self.assert_faults(folder)
        self.assertRegex(self.ok(folder, "why", old["name"]), r"killed with `kill` \(.*at %s of 0x1" % step)
        self.ok(folder, "restart", old["name"])
        tree = self.trees(folder)
        self.assertIn("/before", tree)
        return "/written" in tree

    def test_propose(self):
        self.die_at("propose")  # nobody has promised anything; that all agree is all that there is to see

    def test_a_quorum_has_it(self):
        self.assertTrue(self.die_at("quorum-acked"))

    def test_one_has_committed_it(self):
        self.assertTrue(self.die_at("commit"))

    def test_without_power(self):
        self.assertTrue(self.die_at("commit", "--power-loss"))
        self.ok(os.path.join(self.folder, "c"), "down")

    def test_a_proposal_that_reached_nobody_is_gone(self):
        folder = self.up(3)
        old = self.leader(folder)["name"]
        zk = self.at(folder, old)
        self.ok(folder, "isolate", old, "--one-way", "out")
        self.ok(folder, "disk", old, "slow", "60s")
        self.ok(folder, "kill", old, "--at", "propose", "--power-loss")
        with self.assertRaises(Exception):
            zk.create_async("/written").get(timeout=30)
        wait_for("another leader", lambda: [s for s in self.servers(folder).values()
                                            if s["role"] == "leader" and s["name"] != old and s["state"] == "serving"])
        self.ok(folder, "heal")
        self.ok(folder, "restart", old)
        self.assertNotIn("/written", self.trees(folder))

    def test_alone(self):
        for step, power, there in (("propose", "--power-loss", False), ("quorum-acked", "--power-loss", True)):
            folder = self.up(1, step)
            zk = self.connected(folder)
            self.assertIn("possible are propose and quorum-acked",
                          self.refused(folder, "kill", "leader", "--at", "commit"))
            self.assert_faults(folder)
            if not there:
                self.ok(folder, "disk", "zoo1", "slow", "60s")
            self.ok(folder, "kill", "leader", "--at", step, power)
            with self.assertRaises(Exception):
                zk.create_async("/written").get(timeout=30)
            wait_for("its end to be known", lambda: self.servers(folder)["zoo1"]["state"] == "down")
            if not there:
                self.ok(folder, "heal")
            self.ok(folder, "restart", "zoo1")
            self.assertEqual(self.connected(folder).exists("/written") is not None, there)

    def test_taken_back(self):
        folder = self.up(3)
        old = self.leader(folder)
        self.ok(folder, "kill", "leader", "--at", "commit")
        self.ok(folder, "heal")
        self.assert_faults(folder)
        self.write_and_read(folder)
        self.ok(folder, "kill", "leader", "--at", "commit")
        self.ok(folder, "restart", old["name"])
        self.assert_faults(folder)
        self.write_and_read(folder)

    def test_what_makes_no_sense(self):
        folder = self.up(3)
        follower = self.others(folder, self.leader(folder)["name"])[0]
        self.assertIn("only a leader proposes; that is %s now" % self.leader(folder)["name"],
                      self.refused(folder, "kill", follower, "--at", "commit"))
        self.refused(folder, "kill", "leader", "--at", "last", code=2)
        self.refused(folder, "kill", "leader", "--at", code=2)
        self.refused(folder, "kill", "--power-loss", code=2)
        self.ok(folder, "kill", "all")
        self.assertIn("no leader", self.refused(folder, "kill", "leader", "--at", "commit"))
        self.refused(folder, "kill", "leader", "--power-loss")
        self.assert_faults(folder)


if __name__ == "__main__":
    harness.main()
