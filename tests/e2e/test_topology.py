#!/usr/bin/env python3
"""What an ensemble is like and how it is found: observers, ticks, any line of zoo.cfg, ports; ps, env, completion."""
import json
import os
import re
import shutil
import subprocess

import harness
import test_launcher
import wire
from ensemble import ports, program


class Topology(test_launcher.Case):
    def conf(self, folder, sid=1):
        with open(os.path.join(folder, "confs", "zoo%d.cfg" % sid)) as f:
            return f.read()

    def test_observers_follow_and_do_not_vote(self):
        folder = self.cluster()
        out = self.ok(folder, "up", "3", "--observers", "2")
        self.assertIn("5 servers up", out)
        roles = [s["role"] for s in self.servers(folder).values()]
        self.assertEqual(roles[3:], ["observer", "observer"])
        status = self.status(folder)
        self.assertEqual([status["voters"], status["needed"]], [3, 2])
        zk = self.kazoo(self.servers(folder)["zoo5"]["client"])
        zk.create("/through-an-observer", b"x")
        self.assertEqual(self.kazoo(self.servers(folder)["zoo1"]["client"]).get("/through-an-observer")[0], b"x")
        # An ensemble of three voters survives the loss of one and of all observers, not of two voters.
        self.ok(folder, "kill", "4,5")
        self.assertIsNotNone(self.status(folder)["leader"])
        self.ok(folder, "up")
        connect = self.status(folder)["connect"]
        self.ok(folder, "down")
        # What was said is remembered, ports too.
        self.assertIn("5 servers up", self.ok(folder, "up"))
        self.assertEqual([s["role"] for s in self.servers(folder).values()][3:], ["observer", "observer"])
        self.assertEqual(self.status(folder)["connect"], connect)
        self.ok(folder, "reset")
        self.assertEqual([s["role"] for s in self.servers(folder).values()][3:], ["observer", "observer"])
        self.ok(folder, "down")
        self.ok(folder, "up", "3", "--observers", "0")
        self.assertEqual(len(self.servers(folder)), 3)

    def test_tick_and_any_line(self):
        folder = self.cluster()
        self.ok(folder, "up", "3", "--tick", "200ms", "--set", "syncLimit=3", "--set", "maxClientCnxns=7",
                "--set", "extendedTypesEnabled=true")
        text = self.conf(folder)
        self.assertRegex(text, r"(?m)^tickTime=200$")
        self.assertEqual(re.findall(r"(?m)^syncLimit=(.*)$", text), ["3"])
        address = self.servers(folder)["zoo2"]["client"].rsplit(":", 1)
        c = self.conn((address[0], int(address[1])), timeout=1)
        self.assertEqual(c.session.timeout, 400) # two ticks at least
        c.ok(21, wire.create("/ttl", b"", 5) + wire.q(60000))
        out = self.ok(folder, "isolate", "leader")
        self.assertIn("within syncLimit (600 ms)", out)
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertRegex(self.conf(folder), r"(?m)^maxClientCnxns=7$")

    def serving(self, folder):
        return self.status(folder)["leader"] is not None

    def test_groups_decide(self):
        folder = self.cluster()
        self.assertIn("9 servers up", self.ok(folder, "up", "9", "--groups", "1:2:3,4:5:6,7:8:9", "--tick", "200ms"))
        self.assertRegex(self.conf(folder, 5), r"(?m)^group\.2=4:5:6$")
        zk = self.kazoo(self.status(folder)["connect"])
        zk.create("/all", b"x")
        text = zk.get("/zookeeper/config")[0].decode()
        self.assertIn("group.3=7:8:9\nweight.1=1\n", text)
        # A whole group may go, and one server more of each other group.
        self.ok(folder, "kill", "7,8,9,1,4")
        self.assertTrue(self.serving(folder))
        zk.retry(zk.create, "/four-of-nine", b"x")
        # Six of nine run, and of two groups one server each: nobody may write, and clients see that.
        self.ok(folder, "restart", "7,8,9,4")
        self.ok(folder, "wait", "serving")
        self.assertIn("1 of 3 groups run and 2 are needed", self.ok(folder, "kill", "2,4,5"))
        status = self.status(folder)
        self.assertEqual((status["running"], status["voters"], status["needed"]), (5, 9, None))
        self.assertEqual([status["quorum"][k] for k in ("counted", "all", "running", "needed")], ["groups", 3, 1, 2])
        self.assertEqual([g["running"] for g in status["quorum"]["groups"]], [1, 1, 3])
        self.assertIsNone(status["leader"])
        nobody = harness.kazoo.client.KazooClient(hosts=status["connect"], timeout=1.0)
        self.addCleanup(harness.end_kazoo, nobody)
        self.assertRaises(harness.KazooTimeoutError, nobody.start, timeout=1)
        why = self.ok(folder, "why")
        self.assertIn("there is no leader: 1 of 3 groups run, and 2 are needed", why)
        self.assertIn("group 1 (zoo1, zoo2, zoo3): a weight of 1 of 3 runs", why)
        remedy = re.search(r"what helps: .* (restart \d)$", why, re.M)
        self.ok(folder, *remedy.group(1).split())
        self.ok(folder, "wait", "serving")
        self.assertEqual(self.kazoo(self.status(folder)["connect"]).get("/four-of-nine")[0], b"x")
        self.ok(folder, "down")
        # Two of each of two groups have all that was acknowledged; others may not, though they are more.
        self.ok(folder, "save", "whole")
        for sid in (2, 3, 4, 5):
            shutil.rmtree(os.path.join(folder, "data", "zoo%d" % sid))
        status, out, err = self.pc(folder, "save", "part")
        self.assertNotEqual(status, 0)
        self.assertIn("no quorum", err)

    def test_weights_decide(self):
        folder = self.cluster()
        self.ok(folder, "up", "5", "--weights", "3,1,1,1,0", "--observers", "1", "--tick", "200ms")
        self.assertNotEqual(self.leader(folder)["id"], 5)
        self.assertIn("a weight of 3 of 6 runs and 4 is needed", self.ok(folder, "kill", "1"))
        self.assertIn("a weight of 3 of 6 runs, and 4 is needed", self.ok(folder, "why"))
        self.ok(folder, "restart", "1")
        self.ok(folder, "wait", "serving")
        self.ok(folder, "kill", "2,3,5,6")
        self.assertTrue(self.serving(folder)) # two of five
        self.write_and_read(folder)
        self.ok(folder, "up")
        self.ok(folder, "isolate", "1")
        self.assertIn("weight of 3 of 6", self.ok(folder, "why"))
        self.ok(folder, "heal")
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertEqual([s.get("weight") for s in self.status(folder)["servers"]], [3, 1, 1, 1, 0, None])
        for args in (("3", "--groups", "1:2"), ("3", "--groups", "1:2:3:4"), ("3", "--weights", "0,0,0"), ("3", "--groups", "x"),
                     ("3", "--weights", "1,1,1,1"), ("3", "--set", "group.1=1:2:3")):
            self.ok(folder, "down")
            self.assertEqual(self.pc(folder, "up", *args)[0], 2, args)

    def test_groups_of_apaches(self):
        self.need_apache()
        folder = self.cluster()
        self.ok(folder, "up", "4", "--engine", "apache:2", "--groups", "1:2,3,4", "--tick", "200ms")
        self.write_and_read(folder)
        self.ok(folder, "kill", "1,2")
        self.write_and_read(folder)
        self.assertIn("1 of 3 groups run", self.ok(folder, "kill", "4"))
        self.assertFalse(self.serving(folder))

    def test_what_makes_no_sense_is_refused(self):
        folder = self.cluster()
        for args, code in ((("--observers", "x"), 2), (("--tick", "0"), 2), (("--set", "x"), 2), (("--set", "dataDir=/x"), 2),
                           (("--set", "server.1=a:1:2"), 2), (("--ports", "99999"), 2), (("--set", "tickTime=no"), 1),
                           (("1", "--observers", "1"), 2), (("60", "--observers", "60"), 2)):
            status, out, err = self.pc(folder, "up", *args)
            self.assertEqual(status, code, "%s: %s%s" % (args, out, err))
            self.assertNotEqual(err.strip(), "")
        self.ok(folder, "up", "1", "--set", "tickTime=1000")
        status, out, err = self.pc(folder, "up", "--tick", "1s")
        self.assertEqual(status, 1)
        self.assertIn("down", err)
        other = self.cluster("own")
        shutil.copytree(os.path.join(folder, "confs"), os.path.join(other, "confs"))
        with open(os.path.join(other, "confs", "zoo1.cfg")) as f:
            text = f.read().split("\n", 1)[1]
        with open(os.path.join(other, "confs", "zoo1.cfg"), "w") as f:
            f.write(re.sub("clientPort=.*", "clientPort=%d" % ports.take(), text))
        status, out, err = self.pc(other, "up", "1", "--tick", "1s")
        self.assertEqual(status, 2, out + err)
        self.assertIn("your own", err)
        self.ok(other, "up", "1")

    def test_ports(self):
        folder = self.cluster()
        # A stretch of the range that parallel tests take single ports from; when some of it is taken, another one.
        for _ in range(50):
            base = ports.take()
            status, out, err = self.pc(folder, "up", "3", "--ports", str(base))
            if status != 6:
                break
        self.assertEqual(status, 0, out + err)
        servers = self.servers(folder)
        self.assertEqual([s["client"] for s in servers.values()], ["127.0.0.1:%d" % (base + i) for i in (1, 2, 3)])
        self.assertEqual([s["quorum"] for s in servers.values()], [base + 100 + i for i in (1, 2, 3)])
        self.assertEqual([s["election"] for s in servers.values()], [base + 200 + i for i in (1, 2, 3)])
        self.ok(folder, "down")
        self.ok(folder, "up", "3", "--ports", "auto")
        self.write_and_read(folder)

    def test_run_takes_them(self):
        status, out, err = self.pc(None, "run", "-n", "3", "--observers", "1", "--tick", "100ms", "--", program("pseudo-cluster"),
                                   "status", "--json")
        self.assertEqual(status, 0, err)
        self.assertEqual([s["role"] for s in json.loads(out)["servers"]][3:], ["observer"])


class Finding(test_launcher.Case):
    def test_ps_finds_every_cluster(self):
        self.assertIn("no cluster runs", self.ok(None, "ps"))
        a, b = self.up(1, "a"), self.up(3, "b")
        self.addCleanup(self.pc, None, "--name", "named", "down")
        self.ok(None, "--name", "named", "up", "1")
        rows = [json.loads(line) for line in self.ok(None, "ps", "--json").splitlines()]
        self.assertEqual(len(rows), 3)
        self.assertEqual({os.path.realpath(a), os.path.realpath(b)} - {r["dir"] for r in rows}, set())
        text = self.ok(None, "ps")
        for row in rows:
            self.assertRegex(text, r"(?m)^  \d of \d +zoo\d +%d +%s +%s$" % (row["supervisor"], row["connect"], row["dir"]))
        os.kill(rows[0]["supervisor"], 9)
        harness.wait_for("it to be gone", lambda: not test_launcher.alive(rows[0]["supervisor"]))
        self.assertEqual(len(self.ok(None, "ps", "--json").splitlines()), 2)
        inside = self.pc(None, "run", "-n", "1", "-q", "--", program("pseudo-cluster"), "ps", "--json")
        self.assertEqual(len(inside[1].splitlines()), 3)

    def test_env_sets_what_run_sets(self):
        folder = self.up(1)
        out = self.ok(folder, "env", "--shell", "sh")
        script = out + 'printf "%s\\n" "$ZOOKEEPER_CONNECT" "$ZK_HOSTS" "$ZOOKEEPER_HOSTS" "$PSEUDO_CLUSTER_DIR"'
        got = subprocess.run(["sh", "-c", script], capture_output=True, text=True).stdout.splitlines()
        connect = self.status(folder)["connect"]
        self.assertEqual(got[:3], [connect] * 3)
        self.assertTrue(os.path.samefile(got[3], folder))
        self.assertIn("set -gx ZOOKEEPER_CONNECT '%s';\n" % connect, self.ok(folder, "env", "--shell", "/usr/bin/fish"))
        self.assertEqual(json.loads(self.ok(folder, "env", "--json"))["ZK_HOSTS"], connect)
        self.ok(folder, "down")
        self.assertEqual(self.pc(folder, "env")[0], 3)

    def complete(self, *words):
        """What bash offers for the last word."""
        script = self.ok(None, "completion", "bash") + \
            'COMP_WORDS=(%s); COMP_CWORD=%d; _pseudo_cluster; printf "%%s\\n" "${COMPREPLY[@]}"' \
            % (" ".join("'%s'" % w for w in words), len(words) - 1)
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_completion_knows_every_verb_and_its_options(self):
        if not shutil.which("bash"):
            self.skipTest("there is no bash")
        verbs = re.findall(r"(?m)^  ([a-z][a-z-]+) ", self.ok(None, "help").split("Options of every command")[0])
        self.assertGreater(len(verbs), 25)
        self.assertEqual(set(self.complete("pseudo-cluster", "")) - {"-C", "--name", "--json", "--help"}, set(verbs))
        self.assertEqual(self.complete("pseudo-cluster", "rese"), ["reset"])
        self.assertEqual(self.complete("pseudo-cluster", "-C", "/x", "log", "--se"), ["--session", "--server"])
        self.assertEqual(self.complete("pseudo-cluster", "kill", "lea"), ["leader"])
        self.assertIn("--observers", self.complete("pseudo-cluster", "up", "--"))
        for shell in ("zsh", "fish"):
            text = self.ok(None, "completion", shell)
            for verb in verbs:
                self.assertIn(verb, text)
            if shutil.which(shell):
                subprocess.run([shell, "-n"], input=text, text=True, check=True)
        self.assertEqual(self.pc(None, "completion", "csh")[0], 2)


if __name__ == "__main__":
    harness.main()
