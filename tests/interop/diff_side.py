"""One of the two sides: servers of one engine, a sequence carried out on them, and the transcript of what came back.

After each step every connection is asked to answer once more (a ping where there is one server, else a sync, which brings
what the leader has committed), so that events and closed connections have their place in the transcript.
"""
import base64
import hashlib
import json
import os
import socket
import struct
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import ensemble  # noqa: E402
import wire  # noqa: E402
from diff_steps import OPEN, Names, encode, show_event, show_reply, options_of, zxid as zxid_of  # noqa: E402

SILENCE = 4.0  # seconds without an answer that count as none
SUPER = "super:secret"
SUPER_DIGEST = "super:" + base64.b64encode(hashlib.sha1(SUPER.encode()).digest()).decode()
KEPT = ("/", "/zookeeper", "/zookeeper/quota")
RESERVED = ("/zookeeper", "/zookeeper/quota", "/zookeeper/config")
BARRIER_XID = 1000000
# Nothing happens by itself that no step asks for; sessions last as long as a sequence takes.
OPTIONS = {"tickTime": 1000, "initLimit": 20, "syncLimit": 20, "minSessionTimeout": 6000, "maxSessionTimeout": 60000,
           "forceSync": "no", "preAllocSize": 1024, "snapCount": 1000000,
           "DigestAuthenticationProvider.superDigest": SUPER_DIGEST, "4lw.commands.whitelist": "*"}
CONTAINER_CHECK = "znode.container.checkIntervalMs"
PROPERTIES = (CONTAINER_CHECK, "jute.maxbuffer", "readonlymode.enabled")


class Broken(Exception):
    """The servers cannot be used any more."""


class Gone(Broken):
    """The server closed the connection."""


class Silent(Broken):
    """No answer came in time."""


class Conn:
    """One connection of a sequence, by its label."""

    def __init__(self, label, member):
        self.label, self.member = label, member
        self.sock = socket.create_connection(member.address, timeout=SILENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.xid = label * 100000
        self.barriers = 0
        self.session = self.passwd = None
        self.since = 0
        self.deaf = False
        self.nudge = None

    def send(self, data):
        try:
            self.sock.sendall(data)
        except socket.timeout:
            raise Silent()
        except OSError:
            raise Gone()  # after what it may have said before

    def frame(self):
        while True:
            if len(self.pending) >= 4:
                n = struct.unpack(">i", self.pending[:4])[0]
                if not 0 <= n <= 64 << 20:
                    raise Gone("a frame of %d bytes" % n)
                if len(self.pending) >= 4 + n:
                    frame, self.pending = self.pending[4:4 + n], self.pending[4 + n:]
                    return frame
            piece = self.receive()
            if not piece:
                raise Gone("with %d bytes of a frame" % len(self.pending) if self.pending else "")
            self.pending += piece

    def receive(self):
        """More bytes, none at the end."""
        end = time.monotonic() + SILENCE
        while True:
            self.sock.settimeout(0.5)
            try:
                return self.sock.recv(262144)
            except socket.timeout:
                if time.monotonic() >= end:
                    raise Silent()
                if self.nudge:
                    self.nudge(self.member)
            except OSError:
                return b""
            finally:
                self.sock.settimeout(SILENCE)

    def next_xid(self):
        self.xid += 1
        return self.xid


class Side:
    """Servers of one engine."""

    def __init__(self, engine, n, options=None):
        self.engine, self.n = engine, n
        options = dict(OPTIONS, **(options or {}))
        # What zoo.cfg cannot set in Apache.
        options.setdefault(CONTAINER_CHECK, 100000000)
        properties = ["file.encoding=UTF-8"]
        if engine == "apache":
            properties += ["%s=%s" % (k, options.pop(k)) for k in PROPERTIES if k in options]
        self.ens = ensemble.Ensemble(n, options=options, engines=[engine] * n, properties=properties)
        for m in self.ens.members:
            m.start()
        self.admin = None
        self.nudgers, self.nudged = {}, 0
        self.dirty = False  # something is left behind that no sequence may meet
        self.conns, self.lines = {}, []

    def ready(self):
        self.ens.wait_serving()
        leader = self.ens.leader()
        self.members = [m for m in self.ens.members if m is not leader] + [leader]
        return self

    def close(self):
        if self.admin:
            self.admin.sock.close()
        self.ens.close()

    # -- the tree before a sequence

    def admin_call(self, op, *args):
        xid, _, payload = encode([op, *args], self.admin.next_xid(), 0)
        self.admin.send(wire.i(len(payload)) + payload)
        frame = self.admin.frame()
        got, z, err = struct.unpack_from(">iqi", frame)
        assert got == xid, (op, args, frame)
        return z, err, wire.Reader(frame[16:])

    def admin_connect(self):
        self.admin = self.watched(wire_conn(Conn(9, self.members[-1]), timeout=60000))
        assert self.admin_call("auth", "digest", SUPER)[1] == 0

    def wipe(self):
        """Remove everything that no fresh server has."""
        wave, found = ["/"], []
        while wave:
            nxt = []
            for path in wave:
                _, err, r = self.admin_call("getChildren", path)
                names = r.strs() if err == 0 else []
                nxt += [(path if path != "/" else "") + "/" + name for name in names]
            found += [p for p in nxt if p not in RESERVED]
            wave = nxt
        for path in reversed(found):
            self.admin_call("delete", path)
        for path in KEPT:
            for op, *args in (("setACL", OPEN), ("setData", "")):
                assert self.admin_call(op, path, *args)[1] == 0

    def counts(self, path):
        """What a znode that outlives sequences has counted: children ever made, version, ACL version."""
        _, err, r = self.admin_call("exists", path)
        assert err == 0, (path, err)
        s = r.stat()
        return (s.cversion + s.num_children) // 2, s.version, s.aversion

    def count_up(self, path, counts):
        """Bring it to these counts."""
        made, version, aversion = self.counts(path)
        child = (path if path != "/" else "") + "/counted"
        for _ in range(counts[0] - made):
            assert self.admin_call("create", child)[1] == 0
            assert self.admin_call("delete", child)[1] == 0
        for _ in range(counts[1] - version):
            assert self.admin_call("setData", path, "")[1] == 0
        for _ in range(counts[2] - aversion):
            assert self.admin_call("setACL", path, OPEN)[1] == 0

    def watched(self, c):
        """A connection that is helped when the server forgets it."""
        if self.engine == "apache" and self.n > 1:
            c.nudge = self.nudge
        return c

    def nudge(self, member):
        """Apache's CommitProcessor may miss the commit that it waits for until the next request comes: here is one."""
        if member not in self.nudgers:
            return
        c = self.nudgers[member]
        self.nudged += 1
        c.send(wire.i(8) + wire.i(-2) + wire.i(wire.PING))
        c.frame()

    # -- a sequence

    def prepare(self):
        try:
            if self.admin is None:
                raise Gone()
            self.admin_call("ping")
        except Gone:
            self.admin_connect()
        for m in self.members if self.engine == "apache" and self.n > 1 else ():
            if m not in self.nudgers:
                self.nudgers[m] = wire_conn(Conn(7, m), timeout=60000)
            self.nudge(m)
        self.wipe()

    def run(self, steps):
        """The transcript: for each step a list of lines."""
        self.zxid = self.admin_call("sync", "/")[0]
        self.names = Names(self.zxid)
        self.names.sessions[self.admin.session] = "admin"
        self.conns, self.known, self.made, self.resumed, transcript = {}, {}, {}, [], []
        for step in steps:
            self.lines = []
            self.step(step)
            for label in sorted(self.conns):
                self.barrier(label)
            if "closeSession" in json.dumps(step) or step[1] == "until gone":
                self.lines.sort()  # the session's ephemerals go in no certain order
                self.forget_last_events(step[0])
            self.lines.append("zxid %s" % self.names.zxid(self.zxid))
            transcript.append(self.lines)
        self.end()
        return transcript

    def forget_last_events(self, closer):
        """A connection whose session is closed through another one: Apache queues the events and closes at once, and how many
        of them still leave is a race."""
        closed = {line.split(":")[0] for line in self.lines if line.endswith(": closed")} - {str(closer)}
        self.lines = [line for line in self.lines if not (line.split(":")[0] in closed and ": event " in line)]

    def say(self, label, text):
        self.lines.append("%d: %s" % (label, text))

    def step(self, step):
        label, name, *args = step
        if name == "connect":
            self.connect(label, args[0] if args else {})
        elif name == "resume":
            self.resume(label, *args)
        elif label not in self.conns:
            return
        elif name == "drop":
            self.drop(label)
        elif name == "raw":
            self.guard(label, lambda c: c.send(bytes.fromhex(args[0])))
        elif name == "until gone":
            self.guard(label, lambda c: self.until_gone(c, *args))
        elif name == "batch" and not self.is_stolen(label):
            self.guard(label, lambda c: self.requests(c, args))
        elif name == "batch":
            for op in args:
                if label in self.conns:
                    self.guard(label, lambda c: self.requests(c, [op]))
        else:
            self.guard(label, lambda c: self.requests(c, [[name, *args]]))

    def is_stolen(self, label):
        """Whether another connection has taken the session over since: how much of a batch is still done then varies."""
        c = self.conns[label]
        return any(sid == c.session and since > c.since for sid, since in self.resumed)

    def guard(self, label, fn):
        """fn(connection), and what its end says."""
        c = self.conns[label]
        try:
            fn(c)
        except Silent:
            c.deaf = self.dirty = True
            self.say(label, "silence")
        except Gone as e:
            self.read_rest(c)
            self.say(label, "closed %s" % e if str(e) else "closed")
            self.drop(label)

    def read_rest(self, c):
        """What came before the end, when sending already failed."""
        try:
            while True:
                self.show(c, c.frame(), [])
        except (Gone, Silent):
            pass

    def drop(self, label):
        c = self.conns.pop(label, None)
        if c is not None:
            port = ":%d[" % c.sock.getsockname()[1]
            c.sock.close()
            # From then on its watches are gone.
            ensemble.wait_for("the end of a connection", lambda: port not in (c.member.word("cons") or port)
                              or not c.member.running())

    def connect(self, label, o, sid=0, passwd=bytes(16)):
        self.drop(label)
        member = self.members[o.get("server", 0) % len(self.members)]
        self.conns[label] = self.watched(Conn(label, member))
        self.guard(label, lambda c: self.handshake(c, o, o.get("sid", sid), passwd))

    def handshake(self, c, o, sid, passwd):
        if "passwd" in o:
            passwd = None if o["passwd"] is None else o["passwd"].encode("utf-8", "surrogateescape")
        ro = o.get("read_only", False)
        hello = (wire.i(o.get("protocol", 0)) + wire.q(zxid_of(o.get("zxid", 0), self.names.base)) + wire.i(o.get("timeout", 20000))
                 + wire.q(sid) + wire.buf(passwd) + (b"" if ro is None else wire.b(ro)) + bytes.fromhex(o.get("tail", "")))
        hello = hello[:max(0, len(hello) - o.get("cut", 0))]
        c.send(wire.i(len(hello)) + hello)
        frame = c.frame()
        r = wire.Reader(frame)
        try:
            protocol, timeout, got = r.take("iiq")
            secret = r.buf()
        except (struct.error, AssertionError):
            self.say(c.label, "an answer that is none: %s" % frame.hex())
            return
        if got and got not in self.names.sessions:
            self.names.sessions[got] = "S%d" % c.label
        if got:
            c.session, c.passwd, c.since = got, secret, time.monotonic()
            self.known[c.label] = (got, secret)
            self.made[got] = secret
            self.resumed.append((got, c.since))
        self.say(c.label, "session %s protocol %d timeout %d passwd %s rest %s" % (
            self.names.session(got), protocol, timeout,
            "right" if secret == passwd_of(got) else "other" if secret is None or secret.strip(b"\0") else "zero(%d)" % len(secret),
            frame[r.at:].hex() or "none"))

    def resume(self, label, of, o=None):
        if of in self.known:
            sid, passwd = self.known[of]
            self.connect(label, o or {}, sid, passwd)

    def until_gone(self, c, path, op):
        self.requests(c, [op])
        end = time.monotonic() + ensemble.DEADLINE
        gone = False
        while not gone and time.monotonic() < end:
            c.barriers += 1
            xid, _, payload = encode(["exists", path, {"xid": BARRIER_XID + c.barriers}], 0, 0)
            c.send(wire.i(len(payload)) + payload)
            while True:
                frame = c.frame()
                got, _, err = struct.unpack_from(">iqi", frame)
                if got == xid:
                    break
                self.show(c, frame, [])
            gone = err == wire.NO_NODE
            for other in sorted(self.conns):
                if other != c.label:
                    self.barrier(other)
            time.sleep(0 if gone else 0.02)
        self.say(c.label, "%s %s" % (path, "is gone" if gone else "stays"))

    def requests(self, c, ops):
        """Send them together, then read until all are answered."""
        waiting, data, self.skipped = [], b"", False
        for op in ops:
            xid, _, payload = encode(op, c.next_xid(), self.names.base)
            data += wire.i(len(payload)) + payload
            waiting.append((op, xid))
        c.send(data)
        while waiting:
            frame = c.frame()
            self.show(c, frame, waiting)
        # Whoever is about to be closed is not asked once more: that might still be answered, or not.
        err = struct.unpack_from(">iqi", frame)[2]
        if ops[-1][0] == "closeSession" or (ops[-1][0] == "auth" and err) or (ops[-1][0] == "op" and err == wire.UNIMPLEMENTED):
            while True:
                self.show(c, c.frame(), [])

    def show(self, c, frame, waiting):
        """One frame's line; takes what it answers off `waiting`."""
        if len(frame) < 16:
            self.say(c.label, "a frame of %d bytes: %s" % (len(frame), frame.hex()))
            return
        xid = struct.unpack_from(">i", frame)[0]
        if xid == wire.NOTIFICATION_XID and len(frame) > 16:
            self.say(c.label, show_event(frame))
        elif BARRIER_XID <= xid < 2 * BARRIER_XID:
            self.say(c.label, "late")
        elif waiting and xid != waiting[0][1] and xid in [x for _, x in waiting]:
            self.skipped = True  # one is not answered: the connection is about to be closed, and what is still said then varies
        elif waiting:
            if self.skipped:
                return
            op, _ = waiting.pop(0)
            self.say(c.label, "%s: %s" % (op[0], show_reply(options_of(op)[0][0], frame, self.names)))
        else:
            self.say(c.label, "unasked: %s" % frame.hex())

    def barrier(self, label):
        c = self.conns.get(label)
        if c is None or c.deaf:
            return

        def ask(_):
            c.barriers += 1
            xid = -2 if self.n == 1 else BARRIER_XID + c.barriers
            c.send(wire.i(8) + wire.i(xid) + wire.i(wire.PING) if self.n == 1
                   else wire.i(13) + wire.i(xid) + wire.i(wire.SYNC) + wire.buf("/"))
            while True:
                frame = c.frame()
                if len(frame) >= 16 and struct.unpack_from(">i", frame)[0] == xid:
                    _, zxid, err = struct.unpack_from(">iqi", frame)
                    self.zxid = max(self.zxid, zxid)
                    if err:
                        self.say(label, "to a %s: err %d" % ("ping" if self.n == 1 else "sync", err))
                    return
                self.show(c, frame, [])
        self.guard(label, ask)

    def end(self):
        """Close every session that was made."""
        for label in list(self.conns):
            c = self.conns.pop(label)
            c.sock.close()
        for sid, passwd in self.made.items():
            c = self.watched(Conn(8, self.members[-1]))
            try:
                wire_conn(c, sid=sid, passwd=passwd)
                c.send(wire.i(8) + wire.i(c.next_xid()) + wire.i(wire.CLOSE))
                while True:
                    c.frame()
            except (Gone, Silent, AssertionError):
                pass
            finally:
                c.sock.close()


def passwd_of(session):
    """ZooKeeper's: java.util.Random, seeded with the session."""
    seed = ((session ^ 0xB3415C00) ^ 0x5DEECE66D) & ((1 << 48) - 1)
    out = b""
    for _ in range(4):
        seed = (seed * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        out += struct.pack("<I", seed >> 16 & 0xffffffff)
    return out


def wire_conn(c, timeout=20000, sid=0, passwd=bytes(16)):
    """The plain handshake."""
    hello = wire.i(0) + wire.q(0) + wire.i(timeout) + wire.q(sid) + wire.buf(passwd) + b"\0"
    c.send(wire.i(len(hello)) + hello)
    r = wire.Reader(c.frame())
    _, negotiated, c.session = r.take("iiq")
    c.passwd = r.buf()
    assert negotiated > 0, "no session"
    return c
