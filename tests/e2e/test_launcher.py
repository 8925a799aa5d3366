#!/usr/bin/env python3
"""pseudo-cluster as its users meet it: boot, look, break, heal, tear down; what it prints and exits with, and that nothing
is left behind."""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import harness
from ensemble import DEADLINE, ENGINE, NotAvailable, apache_command, ports, program, wait_for
from test_verbs import alive

# What every server answers, asked by the command that `run` runs: prints how many serve.
ASK = """
import os, socket
n = 0
for hp in os.environ["ZOOKEEPER_CONNECT"].split(","):
    host, port = hp.rsplit(":", 1)
    s = socket.create_connection((host, int(port)), timeout=10)
    s.sendall(b"srvr")
    n += b"Mode: " in s.recv(4096)
print("serving:", n)
"""


class Case(harness.Case):
    def setUp(self):
        if ENGINE == "apache":
            self.skipTest("our launcher")
        self.folder = tempfile.mkdtemp(prefix="pseudo-cluster-e2e-up-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        # Neither the user's clusters nor their settings are ours to touch.
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("PSEUDO_CLUSTER", "ZOOKEEPER_", "MAKE"))}
        self.env.update(HOME=self.folder, XDG_STATE_HOME=self.folder, XDG_RUNTIME_DIR=self.folder, TMPDIR=self.folder,
                        PSEUDO_CLUSTER_ZKSERVER=program("zkserver"))

    def need_apache(self):
        try:
            apache_command("zoo.cfg")
        except NotAvailable as e:
            self.skipTest(str(e))

    def cluster(self, name="c"):
        """A folder for a cluster, which is taken down with the test."""
        folder = os.path.join(self.folder, name)
        os.makedirs(folder, exist_ok=True)
        self.addCleanup(self.pc, folder, "down")
        return folder

    def pc(self, folder, *args, timeout=60):
        """Run the launcher; (status, stdout, stderr). What it leaves running must not keep our pipes open."""
        where = ["-C", folder] if folder else []
        done = subprocess.run([program("pseudo-cluster")] + where + list(args), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder, env=self.env,
                              timeout=timeout)
        return done.returncode, done.stdout, done.stderr

    def ok(self, folder, *args):
        status, out, err = self.pc(folder, *args)
        self.assertEqual(status, 0, "%s: %s%s" % (" ".join(args), out, err))
        return out

    def status(self, folder):
        return json.loads(self.ok(folder, "status", "--json"))

    def servers(self, folder):
        return {s["name"]: s for s in self.status(folder)["servers"]}

    def leader(self, folder):
        return next(s for s in self.status(folder)["servers"] if s["role"] == "leader")

    def up(self, n=3, name="c"):
        folder = self.cluster(name)
        self.out = self.ok(folder, "up", str(n))
        return folder

    def write_and_read(self, folder):
        zk = self.kazoo(self.status(folder)["connect"])
        path = zk.create("/t-", b"x", sequence=True)
        self.assertEqual(zk.get(path)[0], b"x")
        zk.stop()


class Boot(Case):
    def test_up_prints_the_table_and_serves(self):
        self.up(3)
        self.assertRegex(self.out, r"(?m)^3 servers up in [\d.]+ m?s, leader zoo[123], epoch 1$")
        self.assertRegex(self.out, r"(?m)^  ID  ROLE +STATE +CLIENT +QUORUM +ELECTION +PID +ZXID$")
        rows = re.findall(r"(?m)^  (\d)   (\w+) +(\w+) +(127\.0\.0\.1:\d+) +(\d+) +(\d+) +(\d+) +(0x[0-9a-f]+)$", self.out)
        self.assertEqual([r[0] for r in rows], ["1", "2", "3"])
        self.assertEqual(sorted(r[1] for r in rows), ["follower", "follower", "leader"])
        self.assertEqual({r[2] for r in rows}, {"serving"})
        for r in rows:
            self.assertTrue(alive(int(r[6])))
        connect = re.search(r"(?m)^connect  (\S+)$", self.out).group(1)
        self.assertEqual(connect, ",".join(r[3] for r in rows))
        zk = self.kazoo(connect)
        zk.create("/up", b"yes")
        self.assertEqual(zk.get("/up")[0], b"yes")

    def test_sizes(self):
        for n in (1, 2, 5):
            folder = self.up(n, "c%d" % n)
            servers = self.servers(folder)
            self.assertEqual(len(servers), n)
            self.assertEqual({s["state"] for s in servers.values()}, {"serving"})
            self.write_and_read(folder)
            self.ok(folder, "down")

    def test_status_says_the_same_to_people_and_programs(self):
        folder = self.up(3)
        status = self.status(folder)
        text = self.ok(folder, "status")
        self.assertEqual(len(status["servers"]), 3)
        for s in status["servers"]:
            for key in ("id", "name", "role", "state", "client", "quorum", "election", "pid", "zxid", "epoch"):
                self.assertIn(key, s)
            self.assertIn(s["client"], text)
            self.assertIn(str(s["pid"]), text)
        self.assertEqual(status["leader"], self.leader(folder)["id"])
        self.assertIn(status["connect"], text)

    def test_down_leaves_nothing_running(self):
        folder = self.up(3)
        status = self.status(folder)
        self.ok(folder, "down")
        for s in status["servers"]:
            self.assertFalse(alive(s["pid"]), "%s, process %d" % (s["name"], s["pid"]))
        wait_for("the supervisor to be gone too", lambda: not alive(status["supervisor"]))
        for s in status["servers"]:
            host, port = s["client"].rsplit(":", 1)
            with self.assertRaises(OSError):
                socket.create_connection((host, int(port)), timeout=5).close()
        self.assertEqual(self.pc(folder, "status")[0], 3)

    def test_a_cluster_that_does_not_run(self):
        folder = self.cluster()
        for args in (("status",), ("kill", "leader"), ("wait", "leader")):
            status, out, err = self.pc(folder, *args)
            self.assertEqual(status, 3, "%s: %s%s" % (args, out, err))
            self.assertNotEqual(err.strip(), "")

    def test_command_lines_that_make_no_sense(self):
        folder = self.cluster()
        for args in (("nonsense",), ("up", "zero"), ("up", "0"), ("up", "-3"), ("kill",), ("--nonsense",), ("run",)):
            status, out, err = self.pc(folder, *args)
            self.assertEqual(status, 2, "%s: %s%s" % (args, out, err))
            self.assertNotEqual(err.strip(), "")

    def test_two_clusters_side_by_side(self):
        one, two = self.up(3, "one"), self.up(3, "two")
        ports = [set(s[k] for s in self.servers(f).values() for k in ("client", "quorum", "election")) for f in (one, two)]
        self.assertEqual(ports[0] & ports[1], set())
        zks = [self.kazoo(self.status(f)["connect"]) for f in (one, two)]
        zks[0].create("/only-in-one")
        self.assertIsNone(zks[1].exists("/only-in-one"))
        self.ok(one, "down")
        self.write_and_read(two)

    def test_names_make_clusters_of_their_own(self):
        for name in ("red", "blue"):
            self.addCleanup(self.pc, None, "--name", name, "down")
            self.ok(None, "--name", name, "up", "1")
        pids = [json.loads(self.ok(None, "--name", name, "status", "--json"))["servers"][0]["pid"] for name in ("red", "blue")]
        self.assertNotEqual(pids[0], pids[1])


class Faults(Case):
    def test_kill_leader_prints_what_happened_and_a_new_leader_serves(self):
        folder = self.up(3)
        old = self.leader(folder)
        out = self.ok(folder, "kill", "leader")
        self.assertRegex(out, r"(?m)^%s \(leader, pid %d\) killed with SIGKILL$" % (old["name"], old["pid"]))
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d(, zoo\d)? +lost the leader")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +zoo\d +elected by 2 of 3$")
        self.assertRegex(out, r"(?m)^ +\+\d+\.\d ms +first write acknowledged$")
        self.assertRegex(out, r"(?m)^writes were unavailable for [\d.]+ m?s$")
        times = [float(t) for t in re.findall(r"(?m)^ +\+(\d+\.\d) ms", out)]
        self.assertEqual(times, sorted(times))
        self.assertFalse(alive(old["pid"]))
        new = self.leader(folder)
        self.assertNotEqual(new["id"], old["id"])
        self.assertEqual(new["epoch"], old["epoch"] + 1)
        self.write_and_read(folder)
        self.ok(folder, "restart", old["name"])
        self.assertEqual(self.servers(folder)[old["name"]]["role"], "follower")
        self.assertEqual(len(self.kazoo(self.status(folder)["connect"]).get_children("/")), 2)

    def test_kill_a_follower(self):
        folder = self.up(3)
        leader = self.leader(folder)
        self.ok(folder, "kill", "follower")
        now = self.leader(folder)
        self.assertEqual([now[k] for k in ("id", "pid", "epoch")], [leader[k] for k in ("id", "pid", "epoch")])
        states = [s["state"] for s in self.servers(folder).values()]
        self.assertEqual(states.count("serving"), 2)
        self.write_and_read(folder)

    def test_pause_and_resume(self):
        folder = self.up(3)
        leader = self.leader(folder)
        self.ok(folder, "pause", "leader")
        self.assertEqual(self.servers(folder)[leader["name"]]["state"], "paused")
        self.assertTrue(alive(leader["pid"]))
        wait_for("a new leader", lambda: [s for s in self.servers(folder).values()
                                          if s["role"] == "leader" and s["state"] == "serving"])
        self.write_and_read(folder)
        self.ok(folder, "resume", leader["name"])
        wait_for("the old leader to follow", lambda: self.servers(folder)[leader["name"]]["role"] == "follower")
        self.assertEqual(self.servers(folder)[leader["name"]]["pid"], leader["pid"])

    def test_stop_and_restart(self):
        folder = self.up(3)
        before = self.servers(folder)
        self.ok(folder, "stop", "zoo2")
        self.assertFalse(alive(before["zoo2"]["pid"]))
        self.assertEqual(self.servers(folder)["zoo2"]["state"], "down")
        self.write_and_read(folder)
        self.ok(folder, "restart", "zoo2")
        after = self.servers(folder)["zoo2"]
        self.assertEqual(after["state"], "serving")
        self.assertNotEqual(after["pid"], before["zoo2"]["pid"])
        self.ok(folder, "restart", "all")
        self.ok(folder, "wait", "serving")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})
        self.write_and_read(folder)

    def test_targets_that_are_none(self):
        folder = self.up(3)
        for target in ("zoo9", "observer"):
            status, out, err = self.pc(folder, "kill", target)
            self.assertIn(status, (2, 4), "%s: %s%s" % (target, out, err))
            self.assertNotEqual(err.strip(), "")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"})

    def test_wait(self):
        folder = self.up(3)
        self.ok(folder, "wait", "serving")
        self.ok(folder, "wait", "leader")
        leader = self.leader(folder)
        self.ok(folder, "wait", "role", leader["name"], "leader")
        self.assertEqual(self.pc(folder, "wait", "--timeout", "1", "role", leader["name"], "follower")[0], 5)
        self.assertEqual(self.pc(folder, "wait", "role", "9", "follower")[0], 4)
        self.assertEqual(self.pc(folder, "wait")[0], 2)
        self.ok(folder, "kill", "all")
        self.assertEqual(self.pc(folder, "wait", "--timeout", "1", "leader")[0], 5)

    def test_a_killed_supervisor_leaves_no_server(self):
        folder = self.up(3)
        status = self.status(folder)
        os.kill(status["supervisor"], signal.SIGKILL)
        for s in status["servers"]:
            wait_for("%s to be gone" % s["name"], lambda: not alive(s["pid"]))
        # Its socket may outlive it by a moment.
        wait_for("nobody to answer", lambda: self.pc(folder, "status")[0] == 3)
        self.ok(folder, "up", "3")
        self.write_and_read(folder)

    def test_data_outlives_a_kill_of_all_and_down_but_not_a_clean_one(self):
        folder = self.up(3)
        self.write_and_read(folder)
        self.ok(folder, "kill", "all")
        self.ok(folder, "restart", "all")
        self.ok(folder, "wait", "serving")
        for args, kept in (((), True), (("--clean",), False)):
            zk = self.kazoo(self.status(folder)["connect"])
            self.assertIn("t-0000000000", zk.get_children("/"))
            zk.stop()
            self.ok(folder, "down", *args)
            self.assertEqual(os.path.isdir(os.path.join(folder, "data")), kept)
            self.ok(folder, "up", "3")
        self.assertEqual(self.kazoo(self.status(folder)["connect"]).get_children("/"), ["zookeeper"])

    def test_up_starts_what_is_down(self):
        folder = self.up(3)
        self.ok(folder, "kill", "follower")
        out = self.ok(folder, "up")
        self.assertEqual({s["state"] for s in self.servers(folder).values()}, {"serving"}, out)


class Logs(Case):
    def test_the_last_lines_of_one_and_of_all(self):
        folder = self.up(3)
        self.ok(folder, "stop", "2")
        lines = self.ok(folder, "logs", "2", "-n", "1").splitlines()
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], r"^\d{4}-\d\d-\d\d .* \[myid:2\] ")
        self.assertRegex(self.ok(folder, "logs", "-n", "2"), r"^(zoo[123]  \| .*\n){6}$")
        self.assertGreater(len(self.ok(folder, "logs", "-n", "0").splitlines()), 20)
        objects = [json.loads(l) for l in self.ok(folder, "--json", "logs", "-n", "1").splitlines()]
        self.assertEqual([o["id"] for o in objects if o["line"] == lines[0]], [2])
        self.assertEqual(sorted(o["id"] for o in objects), [1, 2, 3])
        self.assertEqual(self.pc(folder, "logs", "zoo9")[0], 4)
        self.assertEqual(self.pc(folder, "logs", "-n", "few")[0], 2)

    def test_what_is_logged_from_now_on(self):
        folder = self.up(3)
        p = subprocess.Popen([program("pseudo-cluster"), "-C", folder, "logs", "follower", "-f", "-n", "1"], stdout=subprocess.PIPE,
                             text=True, env=self.env)
        self.addCleanup(p.stdout.close)
        self.addCleanup(p.wait)
        self.addCleanup(p.kill)
        self.assertIn("[myid:", p.stdout.readline())
        self.ok(folder, "kill", "leader")
        while "looking" not in p.stdout.readline():
            self.assertIsNone(p.poll())


class Run(Case):
    def run_cluster(self, *args, n="3"):
        return self.pc(None, "run", "-n", n, "--", *args)

    def test_the_command_finds_an_ensemble_that_serves(self):
        status, out, err = self.run_cluster(sys.executable, "-c", ASK)
        self.assertEqual(status, 0, err)
        self.assertIn("serving: 3", out)

    def test_the_exit_code_is_the_commands(self):
        for code in (0, 7, 99):
            self.assertEqual(self.run_cluster("sh", "-c", "exit %d" % code, n="1")[0], code)
        self.assertEqual(self.run_cluster("sh", "-c", "kill -TERM $$", n="1")[0], 128 + signal.SIGTERM)
        self.assertEqual(self.run_cluster("/no/such/command", n="1")[0], 127)

    def test_the_folder_of_what_fails_is_kept_when_asked(self):
        status, out, err = self.pc(None, "run", "-n", "1", "--keep", "--", "sh", "-c", "echo $PSEUDO_CLUSTER_DIR; exit 3")
        self.assertEqual(status, 3, err)
        self.assertIn(out.strip(), err)
        self.assertTrue(os.path.exists(os.path.join(out.strip(), "logs", "zoo1.log")))
        status, out, err = self.pc(None, "run", "-n", "1", "--keep", "--", "sh", "-c", "echo $PSEUDO_CLUSTER_DIR")
        self.assertEqual(status, 0, err)
        self.assertFalse(os.path.exists(out.strip()))

    def test_nothing_is_left(self):
        before = set(os.listdir(self.folder))
        status, out, err = self.run_cluster("sh", "-c", "echo connect=$ZOOKEEPER_CONNECT")
        self.assertEqual(status, 0, err)
        addresses = re.search("connect=(.*)", out).group(1).split(",")
        self.assertEqual(len(addresses), 3)
        for address in addresses:
            host, port = address.rsplit(":", 1)
            with self.assertRaises(OSError):
                socket.create_connection((host, int(port)), timeout=5).close()
        left = set(os.listdir(self.folder)) - before
        self.assertEqual(left, set())

    KILL = "kill -9 $(cat $PSEUDO_CLUSTER_DIR/run/supervisor.pid)"

    def test_nothing_is_left_when_the_supervisor_is_killed(self):
        before = set(os.listdir(self.folder))
        status, out, err = self.pc(None, "run", "-n", "3", "--", "sh", "-c", "echo $PSEUDO_CLUSTER_DIR; %s; exit 7" % self.KILL)
        self.assertEqual(status, 7, err)
        self.assertFalse(os.path.exists(out.strip()))
        self.assertIn("no cluster runs", self.ok(None, "ps"))
        self.assertEqual({f for f in set(os.listdir(self.folder)) - before if not f.startswith("pseudo-cluster")}, set())

    def test_what_is_left_when_all_is_killed_goes_with_the_next_command(self):
        """And not before: while its run lives the folder is that one's."""
        for sweeper in (("ps",), ("run", "-n", "1", "-q", "--", "true")):
            p = subprocess.Popen([program("pseudo-cluster"), "run", "-q", "-n", "3", "--", "sh", "-c",
                                  "%s; echo $PSEUDO_CLUSTER_DIR; read wait_for_the_end" % self.KILL], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True, env=self.env)
            self.addCleanup(p.wait)
            self.addCleanup(p.stdin.close)
            self.addCleanup(p.stdout.close)
            self.addCleanup(p.kill)
            folder = p.stdout.readline().strip()
            self.ok(None, *sweeper)
            self.assertTrue(os.path.exists(folder))
            p.kill()
            p.wait()
            self.assertTrue(os.path.exists(folder))
            self.ok(None, *sweeper)
            self.assertFalse(os.path.exists(folder))

    def test_nothing_is_left_when_run_is_killed(self):
        p = subprocess.Popen([program("pseudo-cluster"), "run", "-n", "3", "--", "sh", "-c",
                              "echo connect=$ZOOKEEPER_CONNECT; read wait_for_the_end"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=self.folder, env=self.env)
        self.addCleanup(p.wait)
        self.addCleanup(p.stdin.close)
        self.addCleanup(p.stdout.close)
        line = p.stdout.readline()
        while line and "connect=" not in line:
            line = p.stdout.readline()
        addresses = re.search("connect=(.*)", line).group(1).split(",")
        p.kill()

        def refused():
            for address in addresses:
                host, port = address.rsplit(":", 1)
                try:
                    socket.create_connection((host, int(port)), timeout=5).close()
                    return False
                except OSError:
                    pass
            return True
        wait_for("the servers of a killed run to be gone", refused, DEADLINE)


if __name__ == "__main__":
    harness.main()
