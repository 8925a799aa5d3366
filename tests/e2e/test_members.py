#!/usr/bin/env python3
"""Members that come and go while clients work: add, remove, what becomes of an interrupted one, and what is refused."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading

import harness
import test_launcher
from ensemble import program, wait_for


class Writer:
    """Creates one znode after the other on a session of its own, and knows which were acknowledged."""

    def __init__(self, case, hosts):
        self.zk, self.acked, self.error, self.over = case.kazoo(hosts, timeout=10.0), [], None, threading.Event()
        self.session = self.zk.client_id[0]
        self.zk.create("/mine", b"", ephemeral=True)
        self.zk.create("/w")
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def run(self):
        n = 0
        while not self.over.is_set():
            n += 1
            with contextlib.suppress(*harness.UNKNOWN):
                self.acked.append(self.zk.create("/w/%06d" % n))

    def wait_progress(self):
        at = len(self.acked)
        wait_for("writes to be acknowledged", lambda: len(self.acked) > at + 10)

    def stop(self):
        self.over.set()
        self.thread.join()


class Case(test_launcher.Case):
    def members(self, folder):
        return [(s["id"], s["observer"]) for s in self.status(folder)["servers"]]

    def assert_all_lists_agree(self, folder):
        """Every server knows every other one, and nobody else, and all of them serve."""
        servers = self.status(folder)["servers"]
        self.assertEqual({s["state"] for s in servers}, {"serving"})
        for s in servers:
            host, port = s["client"].rsplit(":", 1)
            with test_launcher.socket.create_connection((host, int(port)), timeout=10) as c:
                c.sendall(b"conf")
                text = b"".join(iter(lambda: c.recv(65536), b"")).decode()
            listed = sorted(int(line[7:line.index("=")]) for line in text.splitlines() if line.startswith("server."))
            self.assertEqual(listed, [k["id"] for k in servers], s["name"])
            self.assertNotIn("stale", s)

    def assert_has(self, folder, writer):
        """Every server has all that was acknowledged, and the writer its session."""
        writer.stop()
        self.assertEqual(writer.zk.client_id[0], writer.session)
        self.assertIsNotNone(writer.zk.retry(writer.zk.exists, "/mine"))
        for s in self.status(folder)["servers"]:
            zk = self.kazoo(s["client"])
            zk.sync("/w")
            self.assertEqual(set(p[3:] for p in writer.acked) - set(zk.get_children("/w")), set(), s["name"])
            self.assertEqual(zk.exists("/mine").owner_session_id, writer.session)
            zk.stop()

    def refused(self, folder, *args):
        status, out, err = self.pc(folder, *args)
        self.assertEqual(status, 4, "%s: %s%s" % (args, out, err))
        return err


class Members(Case):
    def test_clients_keep_their_sessions_and_writes(self):
        folder = self.up(3)
        w = Writer(self, self.status(folder)["connect"])
        out = self.ok(folder, "add")
        for step in (r"(?m)^zoo4 comes as a voter", r"(?m)^zoo[123] restarts with the new list \(1 of 3\)$",
                     r"(?m)^zoo[123] restarts with the new list \(3 of 3\)$",
                     r"(?m)^zoo4 is a member: 4 servers, of which 4 of 4 voters run and 3 are needed$"):
            self.assertRegex(out, step)
        self.assertEqual(out.count("started, pid"), 4)
        w.wait_progress()
        self.assert_all_lists_agree(folder)
        out = self.ok(folder, "add", "--observer")
        self.assertIn("zoo5 is a member: 5 servers, of which 4 of 4 voters run", out)
        w.wait_progress()
        self.assert_all_lists_agree(folder)
        gone = self.leader(folder)["id"]
        out = self.ok(folder, "remove", "leader")
        self.assertIn("zoo%d has left: 4 servers, of which 3 of 3 voters run and 2 are needed" % gone, out)
        w.wait_progress()
        self.assert_all_lists_agree(folder)
        self.assertFalse(os.path.exists(os.path.join(folder, "data", "zoo%d" % gone)))
        self.assert_has(folder, w)
        # The whole of it is remembered, ports too.
        before = self.members(folder), self.status(folder)["connect"], self.ok(folder, "env", "--json")
        self.assertNotIn(gone, [m[0] for m in before[0]])
        self.assertEqual(json.loads(before[2])["ZOOKEEPER_CONNECT"], before[1])
        self.ok(folder, "down")
        self.assertIn("  000001", self.ok(folder, "tree", "/w", "--server", "zoo%d" % before[0][0][0]))
        self.ok(folder, "up")
        self.assertEqual((self.members(folder), self.status(folder)["connect"]), before[:2])
        self.ok(folder, "save", "base")
        self.kazoo(before[1]).create("/later")
        self.ok(folder, "reset", "base")
        self.assertEqual((self.members(folder), self.status(folder)["connect"]), before[:2])
        self.assertIsNone(self.kazoo(before[1]).exists("/later"))
        self.ok(folder, "down")
        self.assertIn("3 servers up", self.ok(folder, "up", "3", "--observers", "0"))

    def test_down_to_one_and_up_again(self):
        folder = self.up(3)
        w = Writer(self, self.status(folder)["connect"])
        self.ok(folder, "remove", "1", "--keep-data")
        self.assertTrue(os.path.exists(os.path.join(folder, "data", "zoo1", "log.db")))
        self.assert_all_lists_agree(folder)
        self.ok(folder, "remove", "follower")
        self.assert_all_lists_agree(folder)
        self.assertIn("only voter", self.refused(folder, "remove", "leader"))
        w.wait_progress()
        self.assertEqual(len(self.members(folder)), 1)
        self.ok(folder, "add")
        self.ok(folder, "add")
        self.assert_all_lists_agree(folder)
        w.wait_progress()
        self.assert_has(folder, w)

    def test_what_is_not_possible_now(self):
        folder = self.up(3)
        self.assertEqual(self.pc(folder, "remove", "1,2")[0], 2)
        self.assertEqual(self.pc(folder, "add", "zoo9")[0], 2)
        self.assertIn("there is no zoo9", self.refused(folder, "remove", "zoo9"))
        self.assertIn("majority decides", self.refused(folder, "add", "--group", "1"))
        self.ok(folder, "kill", "1")
        self.assertIn("up", self.refused(folder, "add"))
        self.assertIn("no quorum of the voters that are left", self.refused(folder, "remove", "2"))
        self.ok(folder, "remove", "1") # who is down can go
        self.ok(folder, "add")
        self.assertEqual(self.members(folder), [(2, False), (3, False), (4, False)])
        self.ok(folder, "pause", "follower")
        self.assertIn("is paused", self.refused(folder, "add"))
        self.ok(folder, "resume", "all")
        self.ok(folder, "isolate", "follower")
        self.assertIn("heal", self.refused(folder, "add"))
        self.ok(folder, "heal")
        self.ok(folder, "slow", "follower", "--delay", "5ms") # what only slows things down is no reason
        self.ok(folder, "add", "--observer")
        self.assert_all_lists_agree(folder)
        status, out, err = self.pc(folder, "remove", "observer", "--json")
        self.assertEqual(status, 0, err)
        end = json.loads(out.splitlines()[-1])
        self.assertEqual((end["outcome"], end["targets"]), ("removed", [5]))
        # An id and the ports of its scheme are free again.
        for _ in range(50):
            scheme = self.cluster("scheme")
            base = test_launcher.ports.take()
            if self.pc(scheme, "up", "3", "--ports", str(base))[0] == 0:
                break
        for _ in range(2):
            self.ok(scheme, "add")
            self.assertEqual(self.servers(scheme)["zoo4"]["client"], "127.0.0.1:%d" % (base + 4))
            self.ok(scheme, "remove", "4")
        alone = self.up(1, "alone")
        self.assertIn("without an ensemble", self.refused(alone, "add"))

    def test_confs_of_ones_own_are_left_alone(self):
        folder = self.up(3)
        self.ok(folder, "down")
        texts = {}
        for sid in (1, 2, 3):
            path = os.path.join(folder, "confs", "zoo%d.cfg" % sid)
            with open(path) as f:
                texts[path] = f.read().split("\n", 1)[1] + "maxClientCnxns=77\n"
            with open(path, "w") as f:
                f.write(texts[path])
        self.ok(folder, "up")
        first = self.leader(folder)["id"]
        self.ok(folder, "add")
        self.ok(folder, "remove", str(first))
        self.assert_all_lists_agree(folder)
        self.ok(folder, "down")
        for left in set((1, 2, 3)) - {first}:
            self.assertTrue(os.path.exists(os.path.join(folder, "run", "confs", "zoo%d.cfg" % left)))
        shutil.rmtree(os.path.join(folder, "run"))
        shutil.rmtree(os.path.join(folder, "data"))
        self.ok(folder, "up")
        self.ok(folder, "remove", "leader") # now as the first change
        self.ok(folder, "add")
        self.ok(folder, "remove", "2" if any(m[0] == 2 for m in self.members(folder)) else "3")
        self.ok(folder, "down")
        shutil.rmtree(os.path.join(folder, "run"))
        shutil.rmtree(os.path.join(folder, "data"))
        self.ok(folder, "up")
        self.ok(folder, "add")
        self.ok(folder, "remove", "1")
        self.assert_all_lists_agree(folder)
        for path, text in texts.items():
            with open(path) as f:
                self.assertEqual(f.read(), text)
        with open(os.path.join(folder, "run", "confs", "zoo2.cfg")) as f:
            self.assertIn("maxClientCnxns=77", f.read())
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertEqual([m[0] for m in self.members(folder)], [2, 3, 4])
        self.assert_all_lists_agree(folder)

    def test_groups(self):
        folder = self.cluster()
        self.ok(folder, "up", "6", "--groups", "1:2,3:4,5:6", "--weights", "1=2,2=0")
        self.assertIn("--group", self.refused(folder, "add"))
        self.assertIn("in common", self.refused(folder, "add", "--group", "1", "--weight", "2"))
        self.assertIn("in common", self.refused(folder, "remove", "1"))
        self.ok(folder, "add", "--group", "3")
        self.ok(folder, "remove", "2")
        self.assert_all_lists_agree(folder)
        groups = {g["group"]: (g["voters"], g["weight"]) for g in self.status(folder)["quorum"]["groups"]}
        self.assertEqual(groups, {1: ([1], 2), 2: ([3, 4], 2), 3: ([5, 6, 7], 3)})
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertEqual({g["group"]: (g["voters"], g["weight"]) for g in self.status(folder)["quorum"]["groups"]}, groups)


class Interrupted(Case):
    """Disks that take their time make each step long enough to end in the midst of it."""

    def begin(self, folder, *args):
        self.ok(folder, "disk", "all", "slow", "150ms")
        p = subprocess.Popen([program("pseudo-cluster"), "-C", folder] + list(args), stdout=subprocess.PIPE, text=True,
                             cwd=self.folder, env=self.env)
        for line in p.stdout:
            if "(2 of 3)" in line:
                return p
        self.fail("it ended before the second step: %s" % p.wait())

    def end(self, p):
        p.stdout.close()
        p.wait()

    def pending(self, folder):
        servers = self.status(folder)["servers"]
        return [s["id"] for s in servers if s.get("stale")], [s["id"] for s in servers if s.get("leaving")]

    def test_by_the_user(self):
        folder = self.up(3)
        w = Writer(self, self.status(folder)["connect"])
        p = self.begin(folder, "add")
        p.send_signal(signal.SIGINT)
        self.end(p)
        self.assertNotEqual(self.pending(folder)[0], [])
        for verb in (("add",), ("remove", "2")):
            self.assertIn("up", self.refused(folder, *verb))
        w.wait_progress()
        self.ok(folder, "up")
        self.assertEqual(self.pending(folder), ([], []))
        self.assertEqual([m[0] for m in self.members(folder)], [1, 2, 3, 4])
        self.ok(folder, "disk", "all", "ok")
        self.assert_all_lists_agree(folder)
        self.ok(folder, "add") # and now that one
        self.assert_has(folder, w)

    def test_a_removal_by_the_user(self):
        folder = self.up(4)
        w = Writer(self, self.status(folder)["connect"])
        p = self.begin(folder, "remove", "1")
        p.send_signal(signal.SIGINT)
        self.end(p)
        self.assertEqual(self.pending(folder)[1], [1])
        self.assertRegex(self.ok(folder, "up"), r"(?m)^3 servers")
        self.assertEqual([m[0] for m in self.members(folder)], [2, 3, 4])
        self.assertFalse(os.path.exists(os.path.join(folder, "data", "zoo1")))
        self.assert_all_lists_agree(folder)
        self.assert_has(folder, w)

    def test_by_the_end_of_the_supervisor(self):
        for n, args, after in ((3, ("add",), [1, 2, 3, 4]), (4, ("remove", "4"), [1, 2, 3])):
            with self.subTest(args[0]):
                folder = self.up(n, args[0])
                zk = self.kazoo(self.status(folder)["connect"])
                zk.create("/kept", b"x")
                status = self.status(folder)
                p = self.begin(folder, *args)
                os.kill(status["supervisor"], signal.SIGKILL)
                self.end(p)
                for s in status["servers"]:
                    wait_for("%s to be gone" % s["name"], lambda: not test_launcher.alive(s["pid"]))
                self.ok(folder, "up")
                self.assertEqual([m[0] for m in self.members(folder)], after)
                self.assert_all_lists_agree(folder)
                self.assertEqual(self.kazoo(self.status(folder)["connect"]).get("/kept")[0], b"x")
                self.assertFalse(set(os.listdir(os.path.join(folder, "data"))) - {"zoo%d" % i for i in after})

    def test_by_a_server_that_does_not_come_back(self):
        folder = self.up(3)
        self.ok(folder, "down")
        self.ok(folder, "up")
        blocked = os.path.join(folder, "data", "zoo4")
        with open(blocked, "w"):
            pass
        status, out, err = self.pc(folder, "add")
        self.assertEqual(status, 1, out + err)
        self.assertIn("zoo4", err)
        self.assertEqual([m[0] for m in self.members(folder)], [1, 2, 3])
        os.unlink(blocked)
        self.ok(folder, "add")
        self.assert_all_lists_agree(folder)


class Engines(Case):
    def test_apaches_members_come_and_go(self):
        self.need_apache()
        folder = self.cluster()
        self.ok(folder, "up", "3", "--engine", "apache:2", "--tick", "200ms")
        w = Writer(self, self.status(folder)["connect"])
        self.ok(folder, "add", "--engine", "apache")
        self.assert_all_lists_agree(folder)
        w.wait_progress()
        self.ok(folder, "add", "--observer")
        self.ok(folder, "remove", "leader")
        self.assert_all_lists_agree(folder)
        w.wait_progress()
        self.assert_has(folder, w)
        engines = [s["engine"] for s in self.status(folder)["servers"]]
        self.ok(folder, "isolate", "2" if self.servers(folder).get("zoo2") else "3")
        self.ok(folder, "heal")
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertEqual([s["engine"] for s in self.status(folder)["servers"]], engines)


if __name__ == "__main__":
    harness.main()
