#!/usr/bin/env python3
"""Scenarios: run --faults, assert, and their reports as TAP and JUnit, read by a real XML parser."""
import os
import socket
import subprocess
import xml.etree.ElementTree as xml

import harness
import test_launcher
from ensemble import program


class Case(test_launcher.Case):
    def script(self, text, name="scenario.sh"):
        path = os.path.join(self.folder, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def run_script(self, text, *args, command=()):
        return self.pc(None, "run", "-q", "--faults", self.script(text), *args, *command)


class Scenario(Case):
    def test_each_assertion_is_a_test(self):
        junit = os.path.join(self.folder, "report.xml")
        status, out, err = self.run_script(
            "assert leader-changes 0\nkill leader\nwait leader\nassert leader-changes = 1\nassert outage '>' 1us\n"
            "assert running 2\nassert znode '/a & <b>' = absent\n", "--tap", "--junit", junit)
        self.assertEqual(status, 0, err)
        self.assertEqual(out.splitlines()[:3], ["TAP version 13", "1..6", "ok 1 - leader-changes = 0"])
        self.assertNotIn("not ok", out)
        self.assertIn("killed with SIGKILL", err)
        suite = xml.parse(junit).getroot().find("testsuite")
        self.assertEqual((suite.get("tests"), suite.get("failures")), ("6", "0"))
        self.assertEqual([c.get("name") for c in suite][4], "znode /a & <b> = absent")

    def test_what_does_not_hold_ends_it(self):
        junit = os.path.join(self.folder, "report.xml")
        status, out, err = self.run_script("kill follower\nassert serving 3\nassert serving 2\n", "--tap", "--junit", junit)
        self.assertEqual(status, 1)
        self.assertIn("not ok 1 - serving = 3\n# it is 2\n", out)
        self.assertIn("1..2\n", out)
        self.assertIn("does not hold: serving = 3; it is 2", err)
        suite = xml.parse(junit).getroot().find("testsuite")
        self.assertEqual(suite.get("failures"), "2")
        self.assertEqual(suite[0].find("failure").get("message"), "it is 2")

    def test_beside_a_command(self):
        """The script goes on while the command runs; standard output stays the command's."""
        command = ["sh", "-c", 'while [ ! -e "$PSEUDO_CLUSTER_DIR/go" ]; do :; done; echo done; exit 3']
        status, out, err = self.run_script(
            'running\ntouch "$PSEUDO_CLUSTER_DIR/go"\nwhile running; do :; done\nassert serving 3\n', command=["--"] + command)
        self.assertEqual((status, out), (3, "done\n"), err)

    def test_mistakes(self):
        for args, said in ((("--faults", "/nowhere/x.sh"), "cannot read the scenario"), (("--tap", "--", "true"), "--faults SCRIPT"),
                           ((), "which command?")):
            status, out, err = self.pc(None, "run", *args)
            self.assertEqual((status, out), (2, ""), args)
            self.assertIn(said, err)


class Assert(Case):
    def holds(self, folder, *words):
        return self.pc(folder, "assert", *words)[0]

    def test_of_a_cluster(self):
        folder = self.up(3)
        zk = self.kazoo(self.status(folder)["connect"])
        zk.create("/a", b"x y")
        zk.create("/a/b")
        leader = self.leader(folder)["name"]
        for words in (["serving", "3"], ["serving", ">=", "3"], ["leader", leader], ["leader", "!=", "none"], ["epoch", "=", "1"],
                      ["znode", "/a"], ["znode", "/a", "=", "x y"], ["znode", "/a", "!=", "absent"], ["znode", "/b", "absent"],
                      ["children", "/a", "1"], ["role", leader, "leader"], ["state", leader, "serving"], ["outage", "=", "0"],
                      ["leader-changes", "0"], ["last-outage", "<", "1ms"]):
            self.assertEqual(self.holds(folder, *words), 0, words)
        for words in (["serving", "2"], ["leader", "none"], ["znode", "/b"], ["znode", "/a", "x"], ["children", "/a", "<", "1"],
                      ["children", "/b", "0"], ["epoch", "!=", "1"]):
            self.assertEqual(self.holds(folder, *words), 1, words)
        self.ok(folder, "stop", leader)
        self.assertEqual(self.holds(folder, "leader-changes", "1"), 0)
        self.assertEqual(self.holds(folder, "state", leader, "down"), 0)
        self.assertEqual(self.holds(folder, "znode", "/a", "x y"), 0)
        out = self.ok(folder, "--json", "assert", "serving", "2")
        self.assertEqual(out, '{"assert":"serving = 2","holds":true,"is":"2"}\n')
        status, out, err = self.pc(folder, "--json", "assert", "serving", "3")
        self.assertEqual((status, out), (1, '{"assert":"serving = 3","holds":false,"is":"2"}\n'))
        self.assertEqual(err, "pseudo-cluster: does not hold: serving = 3; it is 2\n")

    def test_usage(self):
        folder = self.cluster()
        for words, said in (([], "assert what?"), (["outtage", "1"], "did you mean outage?"), (["outage", "<"], "outage < what?"),
                            (["outage", "5"], "no duration"), (["serving", "x"], "no whole number"), (["leader", "<", "zoo1"], "is a word"),
                            (["znode"], "which path"), (["serving"], "of what value?"), (["znode", "/a", "=", "x", "y"], "too many")):
            status, out, err = self.pc(folder, "assert", *words)
            self.assertEqual((status, out), (2, ""), words)
            self.assertIn(said, err)
        self.assertEqual(self.holds(folder, "serving", "1"), 3)
        self.assertEqual(self.holds(self.up(1, "d"), "role", "zoo7", "leader"), 4)


class Crowd(Case):
    def test_twenty_at_once(self):
        """None fails, and none leaves a process, a port or a file."""
        before = set(os.listdir(self.folder))
        all_ = [subprocess.Popen([program("pseudo-cluster"), "run", "-q", "-n", "3", "--", "sh", "-c", "echo $PSEUDO_CLUSTER_DIR $ZOOKEEPER_CONNECT"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self.env)
                for _ in range(20)]
        folders, ports = set(), []
        for p in all_:
            out, err = p.communicate(timeout=120)
            self.assertEqual(p.returncode, 0, err)
            folder, connect = out.split()
            folders.add(folder)
            ports.extend(int(address.rsplit(":", 1)[1]) for address in connect.split(","))
        self.assertEqual(len(folders), 20)
        self.assertEqual(len(set(ports)), 60)
        for port in ports:
            self.assertRaises(ConnectionRefusedError, socket.create_connection, ("127.0.0.1", port), 5)
        self.assertEqual([f for f in folders if os.path.exists(f)], [])
        self.assertEqual(set(os.listdir(self.folder)), before)
        left = subprocess.run(["ps", "-eo", "args"], stdout=subprocess.PIPE, text=True).stdout
        self.assertEqual([line for line in left.splitlines() if any(f in line for f in folders)], [])


if __name__ == "__main__":
    harness.main()
