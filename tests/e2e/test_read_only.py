#!/usr/bin/env python3
"""Reads without a quorum: what the member that is left does, and how everybody's clients find their way there and back."""
import json
import queue
import shutil
import subprocess
import tempfile
import threading
import unittest

import ensemble
import harness
import shells
import wire
from ensemble import DEADLINE, ENGINE, NotAvailable, wait_for
from kazoo.client import KazooState, KeeperState
from kazoo.exceptions import NotReadOnlyCallError

NOT_READ_ONLY = -119
OPTIONS = {"readonlymode.enabled": "true", "localSessionsEnabled": "true"}
PROPERTIES = ("readonlymode.enabled=true",)  # Apache does not take it from the file


class Talker:
    """A client in a process: lines go in, lines come out."""

    def __init__(self, command):
        self.process = subprocess.Popen(ensemble.with_parent(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.lines, self.all = queue.Queue(), []
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.all.append(line.rstrip("\n"))
            self.lines.put(line.rstrip("\n"))

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self, *wanted, whole=False):
        """The next line that has one of these in it, or is one of them."""
        while True:
            try:
                line = self.lines.get(timeout=DEADLINE)
            except queue.Empty:
                raise ensemble.Timeout("waited for %r; it said %r" % (wanted, self.all[-20:]))
            if line in wanted or (not whole and any(w in line for w in wanted)):
                return line

    def end(self):
        with self.process.stdin:
            pass
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class ReadOnlyCase(harness.Case):
    """Three members, of which the test leaves one."""

    OPTIONS = OPTIONS

    def setUp(self):
        self.ens = self.ensemble(3, options=self.OPTIONS, properties=PROPERTIES).start()
        self.left = self.ens.followers()[0]
        self.others = [m for m in self.ens.members if m is not self.left]
        c = self.conn(self.left.address)
        c.create("/a", b"x")
        c.sync()

    def lose_quorum(self):
        for m in self.others:
            m.kill()
        wait_for("%s to serve reads" % self.left, lambda: self.left.word("isro") == "ro")

    def regain_quorum(self):
        for m in self.others:
            m.start()
        self.ens.wait_serving()

    def talker(self, command):
        t = Talker(command)
        self.addCleanup(t.end)
        return t


class Alone(ReadOnlyCase):
    """On the wire, and by words."""

    def test_a_member_without_a_quorum_serves_reads_and_nothing_else(self):
        self.assertEqual(self.left.word("isro"), "rw")
        self.lose_quorum()
        self.words()
        with self.assertRaises(wire.Closed):
            self.conn(self.left.address, read_only=False)
        with self.assertRaises(wire.Closed):
            self.conn(self.left.address, read_only=None)
        c = self.conn(self.left.address, read_only=True)
        self.assertTrue(c.session.read_only)
        self.assertEqual(c.session.id >> 56, self.left.sid)
        self.reads(c)
        self.writes_are_refused(c)
        self.assertEqual(c.get("/a")[0], b"x")
        d = self.conn(self.left.address, read_only=True)
        d.close_session()
        self.regain_quorum()
        with self.assertRaises(wire.Closed):
            while True:
                c.recv()
        self.assertEqual(self.left.word("isro"), "rw")
        e = self.conn(self.left.address, connect=False)
        self.assertEqual(e.resume(c.session, read_only=True).timeout, 0)
        f = self.conn(self.left.address, read_only=True)
        self.assertFalse(f.session.read_only)
        self.assertIsNone(f.exists("/b"))
        f.create("/b")

    def words(self):
        lines = self.left.word("srvr").split("\n")
        self.assertEqual(lines[1], "READ-ONLY mode; serving only read-only clients")
        self.assertIn("Mode: read-only", lines)
        self.assertEqual(self.left.word("stat").split("\n")[1:3],
                         ["READ-ONLY mode; serving only read-only clients", "Clients:"])
        mntr = dict(line.split("\t", 1) for line in self.left.word("mntr").strip().split("\n"))
        self.assertEqual(mntr["zk_server_state"], "read-only")
        self.assertNotIn("zk_peer_state", mntr)
        self.assertNotIn("zk_quorum_size", mntr)
        self.assertEqual(self.left.word("ruok"), "imok")
        conf = self.left.word("conf")
        self.assertIn("serverId=%d\n" % self.left.sid, conf)
        self.assertIn("peerType=0\n", conf)
        self.assertNotIn("membership", conf)

    def reads(self, c):
        self.assertEqual(c.get("/a", watch=True)[0], b"x")
        self.assertIsNone(c.exists("/nothing", watch=True))
        self.assertEqual(c.children("/"), ["a", "zookeeper"])
        results = wire.read_multi(c.ok(wire.MULTI_READ, wire.multi((wire.GET, wire.watched("/a")))).body)
        self.assertEqual([(op, err, value[0]) for op, err, value in results], [(wire.GET, 0, b"x")])
        c.ok(wire.SET_WATCHES, wire.set_watches(c.ok(wire.EXISTS, wire.watched("/a")).zxid, ["/a"], [], []),
             xid=wire.SET_WATCHES_XID)
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf("bob:secret"), xid=wire.AUTH_XID)
        c.ping()

    def writes_are_refused(self, c):
        for op, body in ((wire.CREATE, wire.create("/b")), (wire.CREATE2, wire.create("/b")),
                         (wire.SET, wire.set_data("/a", b"y")), (wire.DELETE, wire.versioned("/a")),
                         (wire.MULTI, wire.multi((wire.CHECK, wire.versioned("/a")))), (wire.SYNC, wire.buf("/a")),
                         (wire.CHECK, wire.versioned("/a")), (wire.CREATE, b"nonsense")):
            self.assertEqual(c.err(op, body), NOT_READ_ONLY, op)


class Upgrading(ReadOnlyCase):
    OPTIONS = dict(OPTIONS, localSessionsUpgradingEnabled="true")

    def test_a_session_of_the_quorum_waits_for_it(self):
        c = self.conn(self.left.address, timeout=40000)
        c.create("/eph", flags=wire.EPHEMERAL)
        self.lose_quorum()
        with self.assertRaises(wire.Closed):
            self.conn(self.left.address, connect=False).resume(c.session, read_only=True)
        reader = self.conn(self.left.address, read_only=True)
        self.assertEqual(reader.exists("/eph").ephemeral_owner, c.session.id)
        self.regain_quorum()
        d = self.conn(self.left.address, connect=False)
        self.assertEqual(d.resume(c.session).id, c.session.id)
        self.assertEqual(d.exists("/eph").ephemeral_owner, c.session.id)


class Global(ReadOnlyCase):
    OPTIONS = dict(OPTIONS, localSessionsEnabled="false")

    def test_without_local_sessions_nobody_gets_a_new_one(self):
        self.lose_quorum()
        c = wire.Conn(self.left.address)
        self.addCleanup(c.drop)
        c.send_frame(wire.i(0) + wire.q(0) + wire.i(10000) + wire.q(0) + wire.buf(bytes(16)) + b"\1")
        reply = c.recv()
        self.assertEqual((reply.xid, reply.err, reply.body), (0, NOT_READ_ONLY, b""))


class Clients(ReadOnlyCase):
    """There and back."""

    def test_kazoo(self):
        self.lose_quorum()
        states = []
        z = harness.kazoo.client.KazooClient(hosts=self.ens.hosts, timeout=8, read_only=True,
                                             connection_retry=dict(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1))
        self.addCleanup(harness.end_kazoo, z)
        z.add_listener(states.append)
        z.start(timeout=DEADLINE)
        self.assertEqual(z.client_state, KeeperState.CONNECTED_RO)
        self.assertEqual(z.get("/a")[0], b"x")
        with self.assertRaises(NotReadOnlyCallError):
            z.create("/b", b"")
        self.regain_quorum()
        wait_for("kazoo to be back", lambda: z.client_state == KeeperState.CONNECTED)
        z.create("/b", b"")
        self.assertIn(KazooState.CONNECTED, states)

    def test_the_c_client(self):
        try:
            program = ensemble.program("creads")
        except NotAvailable as e:
            self.skipTest(str(e))
        self.lose_quorum()
        c = self.talker([program, self.ens.hosts])
        c.hear("state read-only")
        c.say("get /a")
        self.assertEqual(c.hear("get"), "ok get x")
        c.say("create /b")
        self.assertEqual(c.hear("create"), "fail create %d" % NOT_READ_ONLY)
        self.regain_quorum()
        c.hear("state connected")
        c.say("create /b")
        self.assertEqual(c.hear("create"), "ok create /b")

    def test_the_java_client(self):
        try:
            command = shells.apache_shell(self.ens.hosts, ["-r"])
        except NotAvailable as e:
            self.skipTest(str(e))
        self.lose_quorum()
        c = self.talker(command)
        c.hear("ConnectedReadOnly")
        c.say("get /a")
        c.hear("x", whole=True)
        c.say("create /b")
        self.assertEqual(c.hear("/b"), "Not a read-only call: /b")
        self.regain_quorum()
        c.hear("SyncConnected")
        c.say("create /b")
        self.assertEqual(c.hear("/b"), "Created /b")

    def test_our_shell(self):
        self.lose_quorum()
        status, out, err = shells.zkcli(self.ens.hosts, "get", "/a", options=("-r",))
        self.assertEqual((status, out), (0, "x\n"), err)
        status, out, err = shells.zkcli(self.ens.hosts, "create", "/b", options=("-r",))
        self.assertEqual((status, out), (1, ""))
        self.assertIn("Not a read-only call: /b\n", err)
        self.assertIn("answers reads alone", err)
        c = self.talker([ensemble.program("zkcli"), "-server", self.ens.hosts, "-r"])
        c.say("get /a")
        c.hear("x", whole=True)
        self.regain_quorum()
        c.hear("moved to", "goes on at")
        c.say("create /b")
        self.assertEqual(c.hear("/b"), "Created /b")


class Apart(ReadOnlyCase):
    """The member that serves reads stays alone while others are a quorum: nobody sends its clients away, they look around."""

    def test_clients_find_the_quorum_by_themselves(self):
        self.lose_quorum()
        c = self.talker([ensemble.program("zkcli"), "-server", self.ens.hosts, "-r"])
        c.say("get /a")
        c.hear("x", whole=True)
        self.left.pause()
        for m in self.others:
            m.start()
        self.ens.wait_serving()
        c.hear("moved to")
        c.say("create /b")
        self.assertEqual(c.hear("/b"), "Created /b")
        self.left.resume()
        self.ens.wait_serving()


@unittest.skipUnless(ENGINE != "mixed", "the launcher mixes by itself")
class Launcher(harness.Case):
    """The launcher sees it, waits for it, explains it."""

    def launcher(self, *words, status=0):
        r = subprocess.run([ensemble.program("pseudo-cluster"), "-C", self.folder] + list(words), stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, timeout=3 * DEADLINE)
        self.assertEqual(r.returncode, status, "%s: %s" % (words, r.stdout))
        return r.stdout

    def test_a_member_is_read_only(self):
        self.folder = tempfile.mkdtemp(prefix="pseudo-cluster-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        engine = ("--engine", "apache") if ENGINE == "apache" else ()
        self.launcher("up", "3", *engine, *[w for o in OPTIONS for w in ("--set", "%s=%s" % (o, OPTIONS[o]))])
        self.addCleanup(self.launcher, "down")
        self.launcher("kill", "1,2")
        self.launcher("wait", "read-only", "3", "--timeout", "%d" % DEADLINE)
        status = json.loads(self.launcher("status", "--json"))
        self.assertEqual([(s["role"], s["state"], s["serving"]) for s in status["servers"] if s["name"] == "zoo3"],
                         [("looking", "read-only", False)])
        self.launcher("assert", "state", "zoo3", "=", "read-only")
        self.launcher("wait", "serving", "--timeout", "1", status=5)
        self.assertIn("answers reads meanwhile", self.launcher("why"))
        self.assertIn("serves reads only", self.launcher("why", "zoo3"))
        self.launcher("restart", "1,2")
        self.launcher("wait", "serving")
        self.launcher("wait", "read-only", "3", "--timeout", "1", status=5)


if __name__ == "__main__":
    harness.main()
