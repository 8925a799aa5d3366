"""What a server must bear, as cases of any size: tests/bench/limits runs them at full size and prints what they cost, test_limits.py runs
them small and checks that they are right. Each case yields (what, figure, unit) and raises AssertionError where an answer is wrong."""
import contextlib
import os
import re
import selectors
import shutil
import socket
import struct
import time

import ensemble
import wire
from ensemble import wait_for

FULL = dict(sessions=10000, znodes=1000000, watches=200000, names=100000, value=1000000, ops=1000, ephemerals=(10000, 100000))
SMALL = dict(sessions=300, znodes=6000, watches=3000, names=3000, value=200000, ops=100, ephemerals=(500, 5000))

OPTIONS = {"snapCount": 300, "maxClientCnxns": 0, "maxSessionTimeout": 120000, "minSessionTimeout": 400}
BATCH = 1000  # operations in a multi that only fills or empties the tree
FOLDER = 50   # znodes that are made in one multi where memory is measured: a server keeps its last 500 transactions


# -- clients -----------------------------------------------------------------------------------------------------------

class Pipe:
    """One connection that sends many requests without waiting for each, and counts the answers."""

    CONNECT = struct.Struct(">iqiqi")

    def __init__(self, address, timeout=60000):
        self.sock = socket.create_connection(address)
        self.sock.settimeout(ensemble.DEADLINE * 4)
        self.sock.sendall(connect_frame(timeout))
        self.buffer = bytearray()
        self.session = struct.unpack_from(">iiq", self.frame())[2]
        self.xid = 0

    def frame(self):
        while True:
            if len(self.buffer) >= 4:
                n = struct.unpack_from(">i", self.buffer)[0]
                if len(self.buffer) >= 4 + n:
                    frame = bytes(self.buffer[4:4 + n])
                    del self.buffer[:4 + n]
                    return frame
            piece = self.sock.recv(1 << 20)
            if not piece:
                raise wire.Closed()
            self.buffer += piece

    def request(self, op, body):
        self.xid += 1
        return struct.pack(">iii", 8 + len(body), self.xid, op) + body

    def run(self, requests, window=64, check=True):
        """Send requests (op, body) with so many on their way; returns the bodies of the answers, None where there was an error."""
        answers, on_way = [], 0
        for op, body in requests:
            self.sock.sendall(self.request(op, body))
            on_way += 1
            if on_way == window:
                answers += self.answers(on_way // 2, check)
                on_way -= on_way // 2
        return answers + self.answers(on_way, check)

    def answers(self, n, check=True):
        """Events are left out and counted."""
        found = []
        while len(found) < n:
            frame = self.frame()
            xid, _, err = struct.unpack_from(">iqi", frame)
            if xid == -1:
                self.events = getattr(self, "events", 0) + 1
                continue
            assert not check or err == 0, "error %d" % err
            found.append(frame[16:] if err == 0 else None)
        return found

    def drop(self):
        self.sock.close()

    def close(self):
        with contextlib.suppress(OSError, wire.Closed):
            self.run([(wire.CLOSE, b"")])
        self.drop()


def connect_frame(timeout):
    body = struct.pack(">iqiqi", 0, 0, timeout, 0, 16) + bytes(16) + b"\0"
    return struct.pack(">i", len(body)) + body


def open_many(addresses, n, timeout=60000):
    """n connections with sessions, all at once; returns their sockets, in blocking mode."""
    sockets, waiting = [], selectors.DefaultSelector()
    frame = connect_frame(timeout)
    for k in range(n):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(addresses[k % len(addresses)])
        sockets.append(s)
        waiting.register(s, selectors.EVENT_WRITE, False)
        if k % 200 == 199:  # no more than fit into the listeners' queues
            advance(waiting, frame, lambda: sum(not key.data for key in list(waiting.get_map().values())) == 0)
    advance(waiting, frame, lambda: not waiting.get_map())
    for s in sockets:
        s.setblocking(True)
    return sockets


def advance(waiting, frame, done):
    end = time.monotonic() + 4 * ensemble.DEADLINE
    while not done():
        assert time.monotonic() < end, "%d connections have no session yet" % len(waiting.get_map())
        for key, _ in waiting.select(1):
            s = key.fileobj
            if not key.data:
                s.sendall(frame)
                waiting.modify(s, selectors.EVENT_READ, True)
                continue
            answer = s.recv(200)
            assert len(answer) == 41 and struct.unpack_from(">i", answer, 8)[0] > 0, "no session: %r" % answer
            waiting.unregister(s)


# -- looking -----------------------------------------------------------------------------------------------------------

def metrics(member):
    return dict(re.findall(r"^zk_(\S+)\t(\S+)", member.word("mntr", 30) or "", re.M))


def memory(member):
    """Bytes of its own, in RAM."""
    with open("/proc/%d/status" % member.process.pid) as f:
        return 1024 * int(re.search(r"RssAnon:\s*(\d+)", f.read()).group(1))


class Turns:
    """The longest turn of any member's loop while the block lasts: .cpu in ms of processor time, .wall by the clock."""

    def __init__(self, members):
        self.members = members

    def __enter__(self):
        for m in self.members:
            m.word("srst", 30)
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            return
        found = [metrics(m) for m in self.members if m.running() and not m.paused]
        self.cpu = max([int(f.get("loop_turn_max_cpu_us", 0)) for f in found] + [0]) / 1000
        self.wall = max([int(f.get("loop_turn_max_us", 0)) for f in found] + [0]) / 1000

    def figures(self, what):
        yield "longest turn: " + what, self.cpu, "ms"


def settled(ens):
    """All members have the same zxid and no snapshot grows any more."""
    wait_for("all members to have everything",
             lambda: len({m.zxid() for m in ens.members if m.running()}) == 1, 8 * ensemble.DEADLINE)


def afresh(ens):
    """The same servers without the memory of what they did before, which would hide what the next thing takes."""
    for m in ens.members:
        m.stop()
    ens.start()


# -- the cases ---------------------------------------------------------------------------------------------------------

def sessions(ens, n):
    """Many connections with sessions; some ask; all vanish at once and expire."""
    afresh(ens)
    addresses = [m.address for m in ens.members]
    before = sum(memory(m) for m in ens.members)
    with Turns(ens.members) as opening:
        sockets = open_many(addresses, n, 8000 if n > 1000 else 1500)
    settled(ens)
    counts = [int(metrics(m)["global_sessions"]) for m in ens.members]
    assert counts == [n] * len(counts), counts
    yield "bytes a session", (sum(memory(m) for m in ens.members) - before) / n, "B"
    yield from opening.figures("%d sessions opened" % n)
    ping = struct.pack(">iii", 8, -2, 11)
    with Turns(ens.members) as pinging:
        for s in sockets:
            s.sendall(ping)
        for s in sockets:
            assert len(s.recv(20)) == 20
    yield from pinging.figures("%d pings at once" % n)
    with Turns(ens.members) as ending:
        for s in sockets:
            s.close()
        wait_for("all sessions to expire", lambda: all(metrics(m).get("global_sessions") == "0" for m in ens.members),
                 8 * ensemble.DEADLINE, 0.2)
    yield from ending.figures("%d connections lost, their sessions expired" % n)


def znodes(ens, n, size=100):
    """A large tree, written, kept as a snapshot, read."""
    pipe = Pipe(ens.leader().address)
    before = [memory(m) for m in ens.members]
    value, tail = b"x" * size, wire.vec(wire.acl(wire.OPEN)) + wire.i(0)

    def batches():
        folders = range((n + FOLDER - 1) // FOLDER)
        yield wire.CREATE, wire.create("/big")
        for f in folders:
            ops = [b"".join((wire.i(wire.CREATE), b"\0", wire.i(-1), wire.buf("/big/%05d" % f), wire.buf(value), tail))]
            ops += [b"".join((wire.i(wire.CREATE), b"\0", wire.i(-1), wire.buf("/big/%05d/n%06d" % (f, k)), wire.buf(value), tail))
                    for k in range(FOLDER - 1)]
            yield wire.MULTI, b"".join(ops) + wire.i(-1) + b"\1" + wire.i(-1)

    with Turns(ens.members) as writing:
        pipe.run(batches(), window=64)
        settled(ens)
    made = (n + FOLDER - 1) // FOLDER * FOLDER
    counts = [int(metrics(m)["znode_count"]) for m in ens.members]
    assert counts == [made + 6] * len(counts), (counts, made)
    after = [memory(m) for m in ens.members]
    yield "bytes a znode with %d bytes of data" % size, max(a - b for a, b in zip(after, before)) / made, "B"
    yield from writing.figures("%d znodes made, snapshots taken" % made)
    with Turns(ens.members) as reading:
        reads = ((wire.GET, wire.watched("/big/%05d/n%06d" % (k * 7919 % (made // FOLDER), k % (FOLDER - 1)))) for k in range(10000))
        for body in pipe.run(reads, window=256):
            assert wire.Reader(body).buf() == value
    yield from reading.figures("10000 reads")
    pipe.close()


def joins(ens):
    """A member that lost its disk gets the whole tree; and one that was away for too long, in place of the tree that it has."""
    if len(ens.members) == 1:
        return
    m = ens.followers()[0]
    m.stop()
    for name in os.listdir(m.folder):
        if name != "myid":
            path = os.path.join(m.folder, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
    yield from join(ens, m, "with nothing")
    m.stop()
    pipe = Pipe(ens.leader().address)
    pipe.run([(wire.SET, wire.set_data("/big", b"x" * 20000)) for _ in range(600)], window=32)
    pipe.close()
    yield from join(ens, m, "with an old tree")


def join(ens, m, how):
    others = [x for x in ens.members if x is not m]
    pipe = Pipe(ens.leader().address)
    with Turns(others) as sending:
        began = time.monotonic()
        m.start()
        k, done = 0, False
        while not done:  # the others go on working
            pipe.run([(wire.SET, wire.set_data("/big", b"%d" % k))])
            k += 1
            done = m.mode() is not None
            assert time.monotonic() - began < 8 * ensemble.DEADLINE, "%s does not serve again" % m
        took = time.monotonic() - began
    yield "a member %s gets all (SNAP), %d writes meanwhile" % (how, k), took, "s"
    yield from sending.figures("sending it to a member %s" % how)
    settled(ens)
    assert {metrics(x)["znode_count"] for x in ens.members} == {metrics(m)["znode_count"]}
    wait_for("it to have given back what it had", lambda: m.word("ruok") == "imok")
    own = metrics(m)
    yield "longest turn: getting it " + how, int(own["loop_turn_max_cpu_us"]) / 1000, "ms"
    pipe.close()


def watches(ens, n):
    """Many watches of one connection; it goes; and again, and all go off."""
    m = ens.members[0]
    writer = Pipe(ens.leader().address)
    folders = (n + BATCH - 1) // BATCH
    paths = ["/w%d/n%d" % (k // BATCH, k % BATCH) for k in range(n)]
    writer.run([(wire.CREATE, wire.create("/w%d" % f)) for f in range(folders)])
    writer.run([(wire.MULTI, wire.multi(*[(wire.CREATE, wire.create(p)) for p in paths[f * BATCH:(f + 1) * BATCH]]))
                for f in range(folders)], window=4)
    settled(ens)
    writer.close()
    afresh(ens)
    writer = Pipe(ens.leader().address)
    before = memory(m)
    pipe = Pipe(m.address)
    with Turns(ens.members) as setting:
        pipe.run(((wire.GET, wire.watched(p, True)) for p in paths), window=256)
    assert int(metrics(m)["watch_count"]) == n, metrics(m)["watch_count"]
    yield "bytes a watch", (memory(m) - before) / n, "B"
    yield from setting.figures("%d watches set" % n)
    with Turns(ens.members) as losing:
        pipe.close()
        wait_for("the watches to be gone", lambda: metrics(m)["watch_count"] == "0")
    yield from losing.figures("their connection ends")
    pipe = Pipe(m.address)
    pipe.events = 0
    pipe.run(((wire.GET, wire.watched(p, True)) for p in paths), window=256)
    with Turns(ens.members) as firing:
        writer.run([(wire.MULTI, wire.multi(*[(wire.SET, wire.set_data(p, b"x")) for p in paths[f * BATCH:(f + 1) * BATCH]]))
                    for f in range(folders)], window=4)
        pipe.run([(wire.SYNC, wire.buf("/"))])
        while pipe.events < n:
            pipe.run([(wire.SYNC, wire.buf("/"))])
    assert pipe.events == n, pipe.events
    yield from firing.figures("they all go off")
    pipe.close()
    writer.run([(wire.MULTI, wire.multi(*[(wire.DELETE, wire.versioned(p)) for p in paths[f * BATCH:(f + 1) * BATCH]]))
                for f in range(folders)], window=4)
    writer.run([(wire.DELETE, wire.versioned("/w%d" % f)) for f in range(folders)])
    writer.close()


def names(ens, n):
    """A znode with many children is listed."""
    m = ens.members[-1]
    pipe = Pipe(m.address)
    pipe.run([(wire.CREATE, wire.create("/names"))])
    paths = ["/names/a-child-%08d" % k for k in range(n)]
    pipe.run([(wire.MULTI, wire.multi(*[(wire.CREATE, wire.create(p)) for p in paths[f:f + BATCH]])) for f in range(0, n, BATCH)],
             window=4)
    with Turns(ens.members) as listing:
        for op in (wire.CHILDREN, wire.CHILDREN2):
            body, = pipe.run([(op, wire.watched("/names"))])
            found = wire.Reader(body).strs()
            assert len(found) == n and set(found) == {p[7:] for p in paths}
    yield from listing.figures("%d names listed" % n)
    with Turns(ens.members) as deleting:
        pipe.run([(wire.MULTI, wire.multi(*[(wire.DELETE, wire.versioned(p)) for p in paths[f:f + BATCH]]))
                  for f in range(0, n, BATCH)], window=4)
        pipe.run([(wire.DELETE, wire.versioned("/names"))])
    yield from deleting.figures("%d children deleted" % n)
    pipe.close()


def values(ens, size, count=20):
    """Large values, several on their way."""
    pipe = Pipe(ens.members[-1].address)
    blobs = [bytes([k]) * size for k in range(count)]
    with Turns(ens.members) as moving:
        pipe.run([(wire.CREATE, wire.create("/v%d" % k, blobs[k])) for k in range(count)], window=4)
        for k, body in enumerate(pipe.run([(wire.GET, wire.watched("/v%d" % k)) for k in range(count)], window=4)):
            assert wire.Reader(body).buf() == blobs[k]
        pipe.run([(wire.SET, wire.set_data("/v%d" % k, blobs[-1 - k])) for k in range(count)], window=4)
    yield from moving.figures("values of %d bytes" % size)
    pipe.run([(wire.DELETE, wire.versioned("/v%d" % k)) for k in range(count)])
    pipe.close()


def multis(ens, ops, count=20):
    """Large transactions, several on their way, and one that fails at its end."""
    pipe = Pipe(ens.members[-1].address)
    with Turns(ens.members) as doing:
        for what in ((wire.CREATE, lambda p: wire.create(p, b"x" * 100)), (wire.SET, lambda p: wire.set_data(p, b"y" * 100)),
                     (wire.DELETE, wire.versioned)):
            op, body = what
            if op == wire.DELETE:
                bad = wire.multi(*([(wire.SET, wire.set_data("/m0-0", b"z"))] * (ops - 1) + [(wire.CHECK, wire.versioned("/none"))]))
                failed, = pipe.run([(wire.MULTI, bad)])
                results = wire.read_multi(failed)
                assert [e for _, e, *_ in results][-1] == wire.NO_NODE, results[-1]
            pipe.run([(wire.MULTI, wire.multi(*[(op, body("/m%d-%d" % (k, i))) for i in range(ops)])) for k in range(count)], window=4)
    yield from doing.figures("multis of %d operations" % ops)
    pipe.close()


def ephemerals(ens, n):
    """A session with many ephemerals ends, and another one expires."""
    m = ens.members[-1]
    counter = Pipe(ens.leader().address)
    for how in ("closed", "expired"):
        pipe = Pipe(m.address, 60000 if how == "closed" else 8000 if n > 10000 else 2000)
        requests = [(wire.MULTI, wire.multi(*[(wire.CREATE, wire.create("/e-%d" % k, b"", wire.EPHEMERAL))
                                              for k in range(f, min(f + BATCH, n))])) for f in range(0, n, BATCH)]
        pipe.run(requests, window=2)
        with Turns(ens.members) as ending:
            pipe.close() if how == "closed" else pipe.drop()
            wait_for("the ephemerals to be gone",
                     lambda: all(metrics(x).get("ephemerals_count") == "0" for x in ens.members), 4 * ensemble.DEADLINE)
        yield from ending.figures("a session with %d ephemerals %s" % (n, how))
    counter.close()


def leader_dies(ens, n):
    """Many sessions are connected when their servers lose the leader, and move."""
    if len(ens.members) == 1:
        return
    followers = ens.followers()
    sockets = open_many([m.address for m in followers], n, 60000)
    leader = ens.leader()
    with Turns(followers) as moving:
        leader.kill()
        wait_for("another leader", lambda: any(m.mode() == "leader" for m in followers))
        for s in sockets:
            while s.recv(4096):
                pass
            s.close()
        wait_for("the followers to serve", lambda: all(m.mode() for m in followers))
    yield from moving.figures("%d clients lose their server's leader" % n)
    leader.start()
    ens.wait_serving()


def stops(ens):
    """SIGTERM ends each member within a second, whatever it holds."""
    longest = 0.0
    for m in list(ens.members):
        began = time.monotonic()
        status = m.stop()
        longest = max(longest, time.monotonic() - began)
        assert status == 0, "%s ended with %r" % (m, status)
    yield "a server stops", longest, "s"


def cases(sizes):
    """In this order: name, what to call with the ensemble."""
    s = sizes
    return [
        ("znodes", lambda ens: znodes(ens, s["znodes"])),
        ("joins", lambda ens: joins(ens)),
        ("sessions", lambda ens: sessions(ens, s["sessions"])),
        ("watches", lambda ens: watches(ens, s["watches"])),
        ("names", lambda ens: names(ens, s["names"])),
        ("values", lambda ens: values(ens, s["value"])),
        ("multis", lambda ens: multis(ens, s["ops"])),
        ("ephemerals", lambda ens: (figure for n in s["ephemerals"] for figure in ephemerals(ens, n))),
        ("leader", lambda ens: leader_dies(ens, s["sessions"])),
        ("stops", stops),
    ]
