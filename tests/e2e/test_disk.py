#!/usr/bin/env python3
"""Disks that fail under a running member: it says so in one line and ends, the others go on, and it comes back. Damaged files,
how a member is rebuilt from the others, and purging what is no longer needed."""
import glob
import json
import os
import re
import socket
import sqlite3
import subprocess
import time

import harness
import wire
from ensemble import DEADLINE, ENGINE, program, wait_for, with_parent, server_command

EXIT_DATA_DIR, EXIT_DISK = 3, 16


class Supervised:
    """A member started as the launcher starts it, with the control channel at our end."""

    def __init__(self, case, m):
        self.member, self.buffer = m, b""
        self.ours, theirs = socket.socketpair()
        case.channels.append(self.ours)
        self.ours.settimeout(DEADLINE)
        env = dict(os.environ, PSEUDO_CLUSTER_FD=str(theirs.fileno()))
        with open(m.log, "ab") as log:
            m.process = subprocess.Popen(with_parent(server_command(m.cfg)), stdin=subprocess.DEVNULL, stdout=log,
                                         stderr=log, cwd=m.ensemble.folder, start_new_session=True, env=env,
                                         pass_fds=[theirs.fileno()])
        theirs.close()

    def line(self):
        while b"\n" not in self.buffer:
            piece = self.ours.recv(65536)
            if not piece:
                raise AssertionError("the control channel is closed")
            self.buffer += piece
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def wait(self, fact):
        while True:
            line = self.line()
            if line["fact"] == fact:
                return line

    def disk(self, mode, **more):
        self.ours.sendall(json.dumps(dict(cmd="disk", mode=mode, **more)).encode() + b"\n")
        return self.wait("answer")


class DiskCase(harness.Case):
    def setUp(self):
        if ENGINE != "ours":
            self.skipTest("zkserver's own disk")
        self.channels = []
        self.addCleanup(lambda: [c.close() for c in self.channels])  # behind the ensembles: a member ends without its channel

    def zkserver(self, *args):
        done = subprocess.run([program("zkserver")] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=DEADLINE)
        return done.returncode, done.stdout, done.stderr

    def snapshots(self, m):
        return sorted((f for f in glob.glob(m.folder + "/snapshot.*.db")), key=lambda f: int(f.split(".")[-2], 16))

    def fill(self, m, count, root=None):
        c = self.conn(m.address)
        root = c.create(root or self.fresh("fill"))
        for n in range(count):
            c.create("%s/n%d" % (root, n), b"data %d" % n)
        c.close_session()
        return root

    def refused(self, m):
        """It does not start; returns its one line."""
        status, out, err = self.zkserver("start", m.cfg)
        self.assertEqual(status, EXIT_DATA_DIR)
        self.assertIn("FAILED TO START", out)
        lines = [line for line in err.splitlines() if not line.startswith("Using config")]
        self.assertEqual(len(lines), 1, err)
        return lines[0]


class FailingDisk(DiskCase):
    def check_failure(self, mode, words):
        """A follower's disk fails: it ends, the others serve on, and it is brought up to date when its disk is in order."""
        ens = self.ensemble(3)
        supervised = {m: Supervised(self, m) for m in ens.members}
        ens.wait_serving()
        root = self.fill(ens[1], 5)
        victim = ens.followers()[0]
        other = ens.leader()
        self.assertNotIn("error", supervised[victim].disk(mode))
        c = self.conn(other.address)
        for n in range(20):
            c.create("%s/after-%d" % (root, n), b"x")
        exiting = supervised[victim].wait("exiting")
        self.assertEqual(exiting["exit"], EXIT_DISK)
        self.assertRegex(exiting["text"], words)
        self.assertIn("log.db", exiting["text"])
        self.assertEqual(victim.process.wait(DEADLINE), EXIT_DISK)
        victim.process = None
        c.create(root + "/last", b"x")
        with open(victim.log) as log:
            self.assertEqual(sum(bool(re.search(words, line)) for line in log), 1)
        Supervised(self, victim)
        ens.wait_serving()
        self.conn(victim.address).sync()
        tree = self.assert_same_trees(ens.members, root)
        self.assertIn(root + "/last", tree)

    def test_a_full_disk(self):
        self.check_failure("full", "full: free space, then start the server again")

    def test_an_io_error(self):
        self.check_failure("eio", "I/O error.*check the disk")

    def test_a_slow_disk_is_only_slow(self):
        ens = self.ensemble(1)
        s = Supervised(self, ens[1])
        ens.wait_serving()
        c = self.conn(ens[1].address)
        answer = s.disk("slow", ms=150, id=7)
        self.assertEqual((answer["id"], answer.get("error")), (7, None))
        began = time.monotonic()
        c.create(self.fresh())
        self.assertGreaterEqual(time.monotonic() - began, 0.15)
        self.assertNotIn("error", s.disk("ok"))
        self.assertIn("error", s.disk("upside down"))
        c.create(self.fresh())


class DamagedFiles(DiskCase):
    def documented_commands(self):
        """How a member is rebuilt, in words, as docs/storage.md says it."""
        with open(os.path.join(os.path.dirname(__file__), "..", "..", "docs", "storage.md")) as f:
            block = f.read().split("## Rebuilding a member")[1].split("```")[1]
        commands = [line[2:].split() for line in block.splitlines() if line.startswith("$ ")]
        self.assertEqual([c[:2] for c in commands], [["zkserver", verb] for verb in ("stop", "rebuild", "start")])
        return [c[1:] for c in commands]

    def stopped_with_snapshots(self, ens, m, at_least=2):
        ens.start()
        root = self.fresh("fill")
        self.fill(m, 0, root)
        c = self.conn(m.address)
        n = 0
        while len(self.snapshots(m)) < at_least:
            c.create("%s/n%d" % (root, n), b"x")
            n += 1
        c.close_session()
        m.stop()
        return root

    def test_a_damaged_snapshot_is_set_aside(self):
        ens = self.ensemble(1, options={"snapCount": 10})
        m = ens[1]
        root = self.stopped_with_snapshots(ens, m)
        newest = self.snapshots(m)[-1]
        with open(newest, "r+b") as f:
            f.seek(5000)
            f.write(b"damage")
        before = os.path.getsize(m.log)
        m.start()
        m.wait_serving()
        said = open(m.log).read()[before:]
        self.assertIn(newest, said)
        self.assertIn("set aside", said)
        self.assertTrue(os.path.exists(newest + ".damaged"))
        self.assertIn(root + "/n0", wire.read_tree(m.address, root, ()))

    def test_a_damaged_record_is_named_and_the_member_rebuilt(self):
        """By the commands that docs/storage.md gives."""
        ens = self.ensemble(3).start()
        m = ens.followers()[0]
        root = self.fill(m, 50)
        m.stop()
        db = sqlite3.connect(m.folder + "/log.db")
        zxid, = db.execute("SELECT zxid FROM log WHERE path = ?", (root + "/n30",)).fetchone()
        db.execute("UPDATE log SET record = CAST(record || 'x' AS BLOB) WHERE zxid = ?", (zxid,))
        db.commit()
        db.close()
        line = self.refused(m)
        self.assertIn("log.db: table log, zxid 0x%x: its checksum is wrong" % zxid, line)
        self.assertIn("docs/storage.md, Rebuilding a member", line)
        for command in self.documented_commands():
            status, out, err = self.zkserver(*[m.cfg if word == "zoo.cfg" else word for word in command])
            self.assertEqual(status, 0, out + err)
        self.addCleanup(self.zkserver, "stop", m.cfg)
        wait_for("%s to serve" % m, lambda: "Mode: follower" in self.zkserver("status", m.cfg)[1])
        self.assertTrue(os.path.exists(m.folder + "/damaged-1/log.db"))
        self.assertEqual(self.zkserver("rebuild", m.cfg)[0], EXIT_DATA_DIR)  # it runs
        self.conn(m.address).sync()
        self.assertIn(root + "/n30", self.assert_same_trees(ens.members))


    def test_what_rebuild_refuses(self):
        ens = self.ensemble(1).start()
        ens.wait_serving()
        status, out, err = self.zkserver("rebuild", ens[1].cfg)
        self.assertEqual(status, 1, out)
        self.assertIn("there are no others to get the data from", err)
        ens = self.ensemble(3)
        status, out, err = self.zkserver("rebuild", ens[1].cfg)
        self.assertEqual(status, 0, err)
        self.assertIn("nothing to set aside", out)


class Purge(DiskCase):
    def test_purge(self):
        ens = self.ensemble(1, options={"snapCount": 10})
        m = ens[1]
        status, out, err = self.zkserver("purge", m.cfg)
        self.assertEqual(status, 0, err)
        self.assertIn("0 snapshots removed, 0 kept", out)
        ens.start()
        root = self.fill(m, 100)
        # While one is being written none begins, however much is written by clients.
        wait_for("snapshots", lambda: len(self.snapshots(m)) >= 5 or not self.fill(m, 10))
        status, out, err = self.zkserver("purge", m.cfg, "-n", "2")
        self.assertEqual(status, 1)
        self.assertIn("the server runs as process %d" % m.process.pid, err)
        self.assertIn("autopurge.purgeInterval", err)
        tree = wire.read_tree(m.address, "/", ("/zookeeper",))
        m.stop()
        there = self.snapshots(m)
        for keep, args in ((3, ()), (2, ("-n", "2")), (2, ("-n", "2"))):
            before = len(self.snapshots(m))
            status, out, err = self.zkserver("purge", *(args + (m.cfg,)))
            self.assertEqual(status, 0, err)
            self.assertEqual(self.snapshots(m), there[-keep:])
            self.assertIn("%d snapshots removed, %d kept" % (before - keep, keep), out)
        base = int(there[-2].split(".")[-2], 16)
        db = sqlite3.connect(m.folder + "/log.db")
        self.assertGreater(db.execute("SELECT min(zxid) FROM log").fetchone()[0], base)
        self.assertEqual(db.execute("PRAGMA integrity_check").fetchone()[0], "ok")
        self.assertEqual(db.execute("PRAGMA freelist_count").fetchone()[0], 0)
        db.close()
        m.start()
        m.wait_serving()
        self.assertEqual(wire.read_tree(m.address, "/", ("/zookeeper",)), tree)
        self.assertIn(root, tree)

    def test_usage(self):
        ens = self.ensemble(1)
        for args in (("-n", "0"), ("-n", "many"), ("-n",), ("-x",), (ens[1].cfg, ens[1].cfg)):
            status, out, err = self.zkserver("purge", *args)
            self.assertEqual(status, 2, args)
            self.assertIn("usage: zkserver purge [zoo.cfg] [-n KEEP]", err)
        status, out, err = self.zkserver("--help")
        self.assertIn("purge", out)
        self.assertIn("-n KEEP", out)


if __name__ == "__main__":
    harness.main()
