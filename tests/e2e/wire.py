"""A tiny codec of ZooKeeper's client protocol on a plain socket: it can say anything, also what no client library would."""
import collections
import socket
import struct

# Operations.
CREATE, DELETE, EXISTS, GET, SET, GET_ACL, SET_ACL, CHILDREN, SYNC, PING = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11
CHILDREN2, CHECK, MULTI, CREATE2, CHECK_WATCHES, REMOVE_WATCHES, CREATE_CONTAINER = 12, 13, 14, 15, 17, 18, 19
CREATE_TTL, MULTI_READ, AUTH, SET_WATCHES, SASL, EPHEMERALS, ALL_CHILDREN = 21, 22, 100, 101, 102, 103, 104
SET_WATCHES2, ADD_WATCH, WHO_AM_I, CLOSE = 105, 106, 107, -11

# Errors.
MARSHALLING, UNIMPLEMENTED, BAD_ARGUMENTS, RUNTIME = -5, -6, -8, -2
NO_NODE, NO_AUTH, BAD_VERSION, NO_CHILDREN_FOR_EPHEMERALS, NODE_EXISTS, NOT_EMPTY = -101, -102, -103, -108, -110, -111
SESSION_EXPIRED, INVALID_ACL, AUTH_FAILED, NO_WATCHER, RECONFIG_DISABLED = -112, -114, -115, -121, -123

# Watch events.
CREATED, DELETED, CHANGED, CHILD = 1, 2, 3, 4
NOTIFICATION_XID, PING_XID, AUTH_XID, SET_WATCHES_XID = -1, -2, -4, -8

PERSISTENT, EPHEMERAL, SEQUENTIAL, EPHEMERAL_SEQUENTIAL, CONTAINER, TTL = 0, 1, 2, 3, 4, 5
READ, WRITE, CREATE_PERM, DELETE_PERM, ADMIN, ALL = 1, 2, 4, 8, 16, 31
OPEN = [(ALL, "world", "anyone")]

Session = collections.namedtuple("Session", "protocol timeout id passwd read_only length")
Reply = collections.namedtuple("Reply", "xid zxid err body")
Event = collections.namedtuple("Event", "type state path")
Stat = collections.namedtuple("Stat", "czxid mzxid ctime mtime version cversion aversion ephemeral_owner data_length "
                                      "num_children pzxid")


class Closed(Exception):
    """The server closed the connection."""


# -- writing -----------------------------------------------------------------------------------------------------------

def i(n):
    return struct.pack(">i", n)


def q(n):
    return struct.pack(">q", n)


def b(flag):
    return b"\1" if flag else b"\0"


def buf(data):
    """A buffer or a string; None is the null one."""
    if data is None:
        return i(-1)
    data = data.encode() if isinstance(data, str) else data
    return i(len(data)) + data


def vec(items):
    return i(-1) if items is None else i(len(items)) + b"".join(items)


def acl(entries):
    return None if entries is None else [i(p) + buf(s) + buf(d) for p, s, d in entries]


def create(path, data=b"", flags=0, entries=OPEN):
    return buf(path) + buf(data) + vec(acl(entries)) + i(flags)


def watched(path, watch=False):
    """The body of exists, getData, getChildren, getChildren2."""
    return buf(path) + b(watch)


def versioned(path, version=-1):
    """The body of delete and check."""
    return buf(path) + i(version)


def set_data(path, data, version=-1):
    return buf(path) + buf(data) + i(version)


def multi(*ops):
    """ops are (opcode, body)."""
    return b"".join(i(op) + b"\0" + i(-1) + body for op, body in ops) + i(-1) + b"\1" + i(-1)


def set_watches(zxid, *lists):
    return q(zxid) + b"".join(vec([buf(p) for p in paths]) for paths in lists)


# -- reading -----------------------------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, fmt):
        values = struct.unpack_from(">" + fmt, self.data, self.at)
        self.at += struct.calcsize(">" + fmt)
        return values[0] if len(values) == 1 else values

    def buf(self):
        n = self.take("i")
        if n < 0:
            return None
        piece = self.data[self.at:self.at + n]
        assert len(piece) == n, "a buffer of %d bytes in a frame that has %d left" % (n, len(piece))
        self.at += n
        return piece

    def str(self):
        piece = self.buf()
        return None if piece is None else piece.decode()

    def strs(self):
        return [self.str() for _ in range(self.take("i"))]

    def stat(self):
        return Stat(*self.take("qqqqiiiqiiq"))

    def acls(self):
        return [(self.take("i"), self.str(), self.str()) for _ in range(self.take("i"))]

    def done(self):
        assert self.at == len(self.data), "%d bytes too many in the reply" % (len(self.data) - self.at)


def read_multi(body):
    """A multi's result: a list of (type, err, value)."""
    r, results = Reader(body), []
    while True:
        kind, done, err = r.take("ibi")
        if done:
            r.done()
            assert (kind, err) == (-1, -1), (kind, err)
            return results
        value = None
        if kind in (CREATE,):
            value = r.str()
        elif kind in (CREATE2,):
            value = (r.str(), r.stat())
        elif kind == SET:
            value = r.stat()
        elif kind == GET:
            value = (r.buf(), r.stat())
        elif kind == CHILDREN:
            value = r.strs()
        elif kind == -1:
            value = r.take("i")
            assert value == err or err == 0, "error %d, but header says %d" % (value, err)
            err = value
        results.append((kind, err, value))


# -- a connection ------------------------------------------------------------------------------------------------------

class Conn:
    """A TCP connection to a server. Reads fail after `timeout` seconds."""

    def __init__(self, address, timeout=15.0):
        self.sock = socket.create_connection(address, timeout=timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.events = []
        self.xid = 0
        self.session = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def drop(self):
        """Close the socket, not the session."""
        self.sock.close()

    # frames

    def send_raw(self, data):
        self.sock.sendall(data)

    def send_frame(self, payload):
        self.sock.sendall(i(len(payload)) + payload)

    def fill(self, n):
        while len(self.pending) < n:
            try:
                piece = self.sock.recv(262144)
            except ConnectionError:
                piece = b""
            except socket.timeout:
                raise AssertionError("no answer in %s s" % self.sock.gettimeout())
            if not piece:
                raise Closed("%d bytes of a frame came before the end" % len(self.pending) if self.pending else "closed")
            self.pending += piece

    def recv_frame(self):
        self.fill(4)
        n = struct.unpack(">i", self.pending[:4])[0]
        assert 0 <= n < 64 << 20, "a frame of %d bytes" % n
        self.fill(4 + n)
        frame, self.pending = self.pending[4:4 + n], self.pending[4 + n:]
        return frame

    def expect_close(self):
        """Wait until the server has closed; anything that it sends first is an error."""
        try:
            frame = self.recv_frame()
        except Closed as e:
            assert str(e) == "closed", e
            return
        raise AssertionError("instead of closing it sent %r" % frame[:80])

    # the session

    def connect(self, timeout=10000, sid=0, passwd=bytes(16), last_zxid=0, read_only=False):
        """Handshake; read_only=None leaves that byte away, as clients before 3.4 did. Returns the Session."""
        self.send_frame(i(0) + q(last_zxid) + i(timeout) + q(sid) + buf(passwd)
                        + (b"" if read_only is None else b(read_only)))
        return self.read_session(read_only is not None)

    def read_session(self, with_read_only=True):
        frame = self.recv_frame()
        r = Reader(frame)
        protocol, timeout, sid = r.take("iiq")
        self.session = Session(protocol, timeout, sid, r.buf(), r.take("?") if with_read_only else None, len(frame))
        r.done()
        return self.session

    resumed = 0

    def resume(self, session, **kw):
        # A session's requests have numbers of their own, also over connections: servers tell them apart by that.
        Conn.resumed += 1
        self.xid = 10000 * Conn.resumed
        return self.connect(sid=session.id, passwd=session.passwd, **dict(dict(timeout=session.timeout), **kw))

    # requests

    def send(self, op, body=b"", xid=None):
        """Send a request, do not wait; returns its xid."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.send_frame(i(xid) + i(op) + body)
        return xid

    def recv(self):
        """The next frame: a Reply or an Event."""
        r = Reader(self.recv_frame())
        xid, zxid, err = r.take("iqi")
        if xid == NOTIFICATION_XID:
            assert err == 0, err
            event = Event(*r.take("ii"), r.str())
            r.done()
            return event
        return Reply(xid, zxid, err, r.data[r.at:])

    def reply(self):
        """The next reply; events before it go to self.events."""
        while True:
            got = self.recv()
            if isinstance(got, Reply):
                return got
            self.events.append(got)

    def event(self):
        """The next event."""
        if self.events:
            return self.events.pop(0)
        got = self.recv()
        assert isinstance(got, Event), "instead of an event came %r" % (got,)
        return got

    def call(self, op, body=b"", xid=None):
        """A request and its reply."""
        xid = self.send(op, body, xid)
        reply = self.reply()
        assert reply.xid == xid, "the reply to %d came for %d" % (reply.xid, xid)
        assert reply.err == 0 or reply.body == b"", "an error reply with a body: %r" % (reply,)
        return reply

    def ok(self, op, body=b"", xid=None):
        reply = self.call(op, body, xid)
        assert reply.err == 0, "error %d to operation %d" % (reply.err, op)
        return reply

    def err(self, op, body=b""):
        return self.call(op, body).err

    def ping(self):
        return self.ok(PING, xid=PING_XID)

    def create(self, path, data=b"", flags=0, entries=OPEN):
        return Reader(self.ok(CREATE, create(path, data, flags, entries)).body).str()

    def get(self, path, watch=False):
        """(data, stat)"""
        r = Reader(self.ok(GET, watched(path, watch)).body)
        return r.buf(), r.stat()

    def set(self, path, data, version=-1):
        return Reader(self.ok(SET, set_data(path, data, version)).body).stat()

    def exists(self, path, watch=False):
        """Its stat, None without the node."""
        reply = self.call(EXISTS, watched(path, watch))
        assert reply.err in (0, NO_NODE), reply
        return None if reply.err else Reader(reply.body).stat()

    def children(self, path, watch=False):
        return sorted(Reader(self.ok(CHILDREN, watched(path, watch)).body).strs())

    def sync(self, path="/"):
        return self.ok(SYNC, buf(path))

    def multi(self, *ops):
        return read_multi(self.ok(MULTI, multi(*ops)).body)

    def close_session(self):
        reply = self.ok(CLOSE)
        self.expect_close()
        self.sock.close()
        return reply


def read_tree(address, root="/", skip=("/zookeeper",), window=64):
    """Everything at and below root as this one server has it: {path: (data, stat)}, after a sync."""
    tree = {}
    with Conn(address) as c:
        c.connect(timeout=30000)
        c.sync(root)
        wave = [root]
        while wave:
            nxt = []
            for at in range(0, len(wave), window):
                batch = wave[at:at + window]
                for path in batch:
                    c.send(GET, watched(path))
                    c.send(CHILDREN, watched(path))
                for path in batch:
                    got, names = c.reply(), c.reply()
                    if got.err == NO_NODE or names.err == NO_NODE:
                        continue
                    assert got.err == 0 and names.err == 0, (path, got.err, names.err)
                    r = Reader(got.body)
                    tree[path] = (r.buf(), r.stat())
                    nxt += [(path if path != "/" else "") + "/" + n for n in Reader(names.body).strs()]
            wave = [p for p in nxt if p not in skip]
        c.close_session()
    return tree
