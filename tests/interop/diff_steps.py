"""What a sequence is made of: steps as JSON-able lists, their bytes, and what came back as lines of text.

A step is [connection, name, argument..., {options}]. Steps of a connection:

  [0, "connect", {"server": 1, "timeout": 20000, "read_only": true, "zxid": 5, "sid": 7, "passwd": "..."}]    a new session
  [1, "resume", 0, {"server": 2, "passwd": "wrong"}]     a new connection for the session that connection 0 has or had
  [0, "drop"]                                            the socket is closed, the session stays
  [0, "raw", "00000010..."]                              bytes as they are
  [0, "batch", ["create", "/a", ...], ["getData", ...]]  requests sent together
  [0, "until gone", "/a", ["delete", "/a/b"]]            a request, and waiting until that znode is no more

Any other name is an operation (OPS below), "op" with a number and a body in hex for what has no name. Options of an
operation make it hostile: {"xid": 7}, {"cut": n} bytes off the end of the body, {"tail": "ff"} behind it, {"poke": [at, byte]}.

Strings stand for UTF-8; a byte that is none is written as \\udc80 + (byte - 0x80). {"fill": "x", "n": 5} is "xxxxx". A zxid
{"z": 3} is the third after the sequence's start.
"""
import re
import struct
import time

import wire
from wire import b, i, q, vec

OPEN = [[31, "world", "anyone"]]
EVENTS = {1: "CREATED", 2: "DELETED", 3: "CHANGED", 4: "CHILD"}
ERRORS = {v: k for k, v in vars(wire).items() if k.isupper() and isinstance(v, int) and v < -100}
ERRORS.update({-2: "RUNTIME", -5: "MARSHALLING", -6: "UNIMPLEMENTED", -8: "BAD_ARGUMENTS", -125: "QUOTA_EXCEEDED"})


# -- bytes out of JSON -------------------------------------------------------------------------------------------------

def raw(value):
    if isinstance(value, dict):
        return value["fill"].encode() * value["n"]
    return value.encode("utf-8", "surrogateescape")


def buf(value):
    return wire.buf(None if value is None else raw(value))


def acl(entries):
    return vec(None if entries is None else [i(p) + buf(s) + buf(d) for p, s, d in entries])


def paths(values):
    return vec(None if values is None else [buf(v) for v in values])


def zxid(value, base):
    return base + value["z"] if isinstance(value, dict) else value


def subs(ops, base):
    return b"".join(i(OPS[name][0]) + b"\0" + i(-1) + OPS[name][1](base, *args) for name, *args in ops) + i(-1) + b"\1" + i(-1)


# -- text out of bytes -------------------------------------------------------------------------------------------------

def show(value):
    """A string or buffer, shortened."""
    if value is None:
        return "null"
    text = ascii(value.decode("utf-8", "surrogateescape"))
    if "server.1=127" in text:
        text = re.sub(r":\d+", ":PORT", text)
    return text if len(text) < 100 else "%s...(%d bytes)" % (text[:60], len(value))


class Names:
    """How one side's zxids, sessions and times are called, so that two sides can be compared."""

    def __init__(self, base):
        self.base = base
        self.sessions = {}
        self.times = {}

    def zxid(self, z):
        return str(z) if z <= 0 else "old" if z <= self.base else "+%d" % (z - self.base)

    def session(self, sid):
        return self.sessions.get(sid, "%#x" % (sid & 0xffffffffffffffff) if sid else "0")

    def time(self, z, t):
        """A time belongs to a zxid, and all times of that zxid are one."""
        if t <= 0:
            return str(t)
        if z <= self.base:
            return "old"
        if abs(t / 1000 - time.time()) > 600:
            return "far"
        return "ok" if self.times.setdefault(z, t) == t else "another"

    def stat(self, s):
        return "Stat(c%s m%s p%s v%d cv%d av%d owner=%s len=%d kids=%d ctime %s mtime %s)" % (
            self.zxid(s.czxid), self.zxid(s.mzxid), self.zxid(s.pzxid), s.version, s.cversion, s.aversion,
            self.session(s.ephemeral_owner), s.data_length, s.num_children, self.time(s.czxid, s.ctime),
            self.time(s.mzxid, s.mtime))


def read_path(r, n):
    return show(r.buf())


def read_path_stat(r, n):
    return "%s %s" % (show(r.buf()), n.stat(r.stat()))


def read_stat(r, n):
    return n.stat(r.stat())


def read_paths(r, n):
    return "[%s]" % " ".join(sorted(show(r.buf()) for _ in range(r.take("i"))))


def read_paths_stat(r, n):
    return "%s %s" % (read_paths(r, n), n.stat(r.stat()))


def read_ids(r, n):
    return "[%s]" % " ".join(sorted("%s:%s" % (show(r.buf()), show(r.buf())) for _ in range(r.take("i"))))


def read_acl_stat(r, n):
    """The order of entries counts, except among those that stand for the several identities of one client."""
    entries = ["%d@%s:%s" % (r.take("i"), show(r.buf()), show(r.buf())) for _ in range(r.take("i"))]
    digests = iter(sorted(e for e in entries if "@'digest'" in e))
    return "[%s] %s" % (" ".join(next(digests) if "@'digest'" in e else e for e in entries), n.stat(r.stat()))


def read_int(r, n):
    return str(r.take("i"))


def read_nothing(r, n):
    return ""


SUB_READERS = {1: read_path, 15: read_path_stat, 2: read_nothing, 13: read_nothing, 5: read_stat, 4: read_path_stat,
               8: read_paths, -1: read_int}


def read_results(r, n):
    results = []
    while True:
        kind, done, err = r.take("ibi")
        results.append("%d/%d/%d" % (kind, done, err))
        if done:
            return " ".join(results)
        results[-1] += "(%s)" % SUB_READERS[kind](r, n)


# name: (opcode, arguments -> body, reader of the reply's body)
OPS = {
    "create": (1, lambda z, p, d="", a=OPEN, f=0: buf(p) + buf(d) + acl(a) + i(f), read_path),
    "delete": (2, lambda z, p, v=-1: buf(p) + i(v), read_nothing),
    "exists": (3, lambda z, p, w=False: buf(p) + b(w), read_stat),
    "getData": (4, lambda z, p, w=False: buf(p) + b(w), read_path_stat),
    "setData": (5, lambda z, p, d="", v=-1: buf(p) + buf(d) + i(v), read_stat),
    "getACL": (6, lambda z, p: buf(p), read_acl_stat),
    "setACL": (7, lambda z, p, a, v=-1: buf(p) + acl(a) + i(v), read_stat),
    "getChildren": (8, lambda z, p, w=False: buf(p) + b(w), read_paths),
    "sync": (9, lambda z, p: buf(p), read_path),
    "ping": (11, lambda z: b"", read_nothing),
    "getChildren2": (12, lambda z, p, w=False: buf(p) + b(w), read_paths_stat),
    "check": (13, lambda z, p, v=-1: buf(p) + i(v), read_nothing),
    "multi": (14, lambda z, *ops: subs(ops, z), read_results),
    "create2": (15, lambda z, p, d="", a=OPEN, f=0: buf(p) + buf(d) + acl(a) + i(f), read_path_stat),
    "reconfig": (16, lambda z, j, l, n, c=-1: buf(j) + buf(l) + buf(n) + q(c), read_path_stat),
    "checkWatches": (17, lambda z, p, t: buf(p) + i(t), read_nothing),
    "removeWatches": (18, lambda z, p, t: buf(p) + i(t), read_nothing),
    "createContainer": (19, lambda z, p, d="", a=OPEN, f=4: buf(p) + buf(d) + acl(a) + i(f), read_path_stat),
    "createTTL": (21, lambda z, p, d, a, f, t: buf(p) + buf(d) + acl(a) + i(f) + q(t), read_path_stat),
    "multiRead": (22, lambda z, *ops: subs(ops, z), read_results),
    "auth": (100, lambda z, s, d: i(0) + buf(s) + buf(d), read_nothing),
    "setWatches": (101, lambda z, r, *ls: q(zxid(r, z)) + b"".join(paths(x) for x in ls), read_nothing),
    "sasl": (102, lambda z, t: buf(t), read_path),
    "getEphemerals": (103, lambda z, p: buf(p), read_paths),
    "getAllChildrenNumber": (104, lambda z, p: buf(p), read_int),
    "setWatches2": (105, lambda z, r, *ls: q(zxid(r, z)) + b"".join(paths(x) for x in ls), read_nothing),
    "addWatch": (106, lambda z, p, m: buf(p) + i(m), read_int),
    "whoAmI": (107, lambda z: b"", read_ids),
    "closeSession": (-11, lambda z: b"", read_nothing),
    "op": (None, lambda z, op, body="": bytes.fromhex(body), None),
}
READS = {"exists", "getData", "getACL", "getChildren", "getChildren2", "sync", "ping", "checkWatches", "removeWatches",
         "multiRead", "setWatches", "setWatches2", "getEphemerals", "getAllChildrenNumber", "addWatch", "whoAmI"}
OPTIONS = ("xid", "cut", "tail", "poke")
XIDS = {"ping": -2, "auth": -4, "setWatches": -8, "setWatches2": -8}


def options_of(op):
    """The operation without its options, and these."""
    if isinstance(op[-1], dict) and any(k in op[-1] for k in OPTIONS):
        return op[:-1], op[-1]
    return op, {}


def encode(op, xid, base):
    """(xid, opcode, the request's payload) of an operation [name, argument...]."""
    (name, *args), options = options_of(op)
    code, body, _ = OPS[name]
    body = body(base, *args)
    if code is None:
        code = args[0]
    body = body[:max(0, len(body) - options.get("cut", 0))] + bytes.fromhex(options.get("tail", ""))
    if "poke" in options and body:
        at, byte = options["poke"]
        at %= len(body)
        body = body[:at] + bytes([byte]) + body[at + 1:]
    xid = options.get("xid", XIDS.get(name, xid))
    return xid, code, i(xid) + i(code) + body


def show_reply(name, frame, names):
    """A reply's frame as text; `name` is the operation that it answers."""
    xid, z, err = struct.unpack_from(">iqi", frame)
    head = "xid %d zxid %s %s" % (xid, names.zxid(z), ERRORS.get(err, "err %d" % err) if err else "ok")
    r = wire.Reader(frame)
    r.at = 16
    reader = OPS[name][2]
    if (err and name != "multiRead") or reader is None or len(frame) == 16:
        return head + (" + %s" % frame[16:].hex() if len(frame) > 16 else "")
    try:
        text = reader(r, names)
        r.done()
    except (AssertionError, struct.error, KeyError, TypeError) as e:
        return "%s, a body that is none (%s): %s" % (head, e, frame[16:216].hex())
    return "%s %s" % (head, text) if text else head


def show_event(frame):
    r = wire.Reader(frame)
    _, z, err, kind, state = r.take("iqiii")
    path = r.buf()
    extra = " + %s" % frame[r.at:].hex() if r.at != len(frame) else ""
    return "event %s %s state %d zxid %d err %d%s" % (EVENTS.get(kind, kind), show(path), state, z, err, extra)
