"""Ensembles whose members are zkserver and Apache ZooKeeper side by side, and what is asked of them: who leads, what each
member has (data, ACL and Stat of every znode), and whether Apache's logs complain.

An ensemble is written as a word: "ooa" is zkserver as 1 and 2 and Apache as 3; a capital letter is an observer.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import ensemble  # noqa: E402
import harness  # noqa: E402
import wire  # noqa: E402
from ensemble import wait_for  # noqa: E402
from kazoo.security import ACL, Id  # noqa: E402

LETTERS = {"o": "ours", "a": "apache"}
CREATOR_ALL = ACL(31, Id("auth", ""))
# Apache's looks for emptied containers, which zoo.cfg cannot set.
PROPERTIES = ("znode.container.checkIntervalMs=300",)
OPTIONS = {"znode.container.checkIntervalMs": 300, "preAllocSize": 1024}

# What must never be in Apache's log, in a line or in the stack trace behind it, whatever is done to the ensemble.
NEVER = re.compile(r"NullPointer|ClassCast|IndexOutOfBounds|BufferUnderflow|IllegalArgument|IllegalState|Unreasonable|Error while"
                   r"|[Dd]igests? (?:are|do|mis)|[Mm]ismatch|not matching|Severe|unsupported|unrecoverable|OutOfMemory"
                   r"|Follower is ahead|Exiting JVM|NumberFormat|UTFDataFormat")
# What Apache ZooKeeper 3.8.0 also writes when it is alone, after a member was killed: threads of a follower that meet the
# connection to the leader that was just closed; and a follower of an Apache leader that is told to commit before UPTODATE, tries
# again, has what it got twice in its log, and misses its digests when it reads that log at its next start.
OWN_FAULTS = re.compile(r'"this.learner.sock" is null|Severe unrecoverable error, from thread : FollowerRequestProcessor:\d+\n'
                        r'java.net.SocketException: (?:Socket closed|Broken pipe|Connection reset)')
OWN_FAULTS_UNDER_APACHE = re.compile(r'"pif" is null|\[main\] (?:WARN|ERROR) .*[Dd]igest')
# The warnings that also come when Apache ZooKeeper is alone and nothing happens to it.
EVERYDAY = re.compile(r"NIOServerCnxn - (?:Unexpected exception|Close of session|CancelledKeyException)|expected 0x|Either no config or no quorum|not recommended"
                      r"|Incorrect password|is not set|maxClientCnxns|fsync-ing the write ahead log")

def need_apache():
    """Exits with 77 and says why where Apache ZooKeeper cannot be run."""
    try:
        ensemble.apache_command("zoo.cfg")
    except ensemble.NotAvailable as e:
        print("1..0 # SKIP %s (Debian: zookeeper, default-jre-headless)" % e)
        sys.exit(77)


class Mixed(ensemble.Ensemble):
    """An ensemble as `word` says."""

    def __init__(self, word, options=None):
        word_of = word.rstrip("OA")
        assert word_of.islower(), "observers come last: %s" % word
        super().__init__(len(word_of), quorum=True, observers=len(word) - len(word_of),
                         options=dict(OPTIONS, **(options or {})), engines=[LETTERS[c.lower()] for c in word],
                         properties=PROPERTIES)
        self.word = word
        self.marks = {}

    def of(self, engine):
        return [m for m in self.members if m.engine == engine]

    def voters(self):
        return [m for m in self.members if not m.observer]

    def start_led_by(self, first):
        """Start an empty ensemble so that `first` leads: alone with the lowest that it needs for a majority, then the rest."""
        needed = len(self.voters()) // 2
        assert first.sid > needed, "%s cannot win an election on an empty ensemble" % first
        first.start()
        for m in self.voters()[:needed]:
            m.start()
        self.wait_serving()
        assert first.mode() == "leader", "%s leads, not %s" % (self.leader(), first)
        return self.start()

    # the logs

    def mark(self):
        """From here on the logs count: see log_since() and complaints()."""
        for m in self.members:
            self.marks[m] = os.path.getsize(m.log) if os.path.exists(m.log) else 0

    def log_since(self, m):
        with open(m.log, errors="replace") as f:
            f.seek(self.marks.get(m, 0))
            return f.read()

    def entries(self, m):
        """Apache's log since mark(): each entry a line and the stack trace behind it, as one string."""
        entry = []
        for line in self.log_since(m).splitlines():
            if re.match(r"\d+ \[", line) and entry:
                yield "\n".join(entry)
                entry = []
            entry.append(line)
        if entry:
            yield "\n".join(entry)

    def complaints(self, calm=False):
        """What must not be in the logs of Apache's members since mark(); with calm, when nobody was killed, no other warning
        than the everyday ones either: a lost connection is one."""
        found = []
        for m in self.of("apache"):
            for entry in self.entries(m):
                warning = re.search(r" (?:WARN|ERROR) ", entry)
                if not calm and (OWN_FAULTS.search(entry) or (OWN_FAULTS_UNDER_APACHE.search(entry)
                                                              and len(self.of("apache")) > 1)):
                    continue
                if NEVER.search(entry) or (calm and warning and not EVERYDAY.search(entry)):
                    found.append("%s: %.1500s" % (m, entry))
        return found


def mismatches(ens):
    """How many transactions each member that runs found the tree's digest to differ after."""
    found = {m: re.search(r"^zk_digest_mismatches_count\t(\d+)$", m.word("mntr") or "", re.M)
             for m in ens.members if m.running() and not m.paused}
    return {m: int(match.group(1)) for m, match in found.items()}


def on_disk(member, piece):
    """Whether a member's log files have these bytes, committed or not."""
    for folder, _, names in os.walk(member.folder):
        for name in names:
            if name.startswith("log."):
                with open(os.path.join(folder, name), "rb") as f:
                    if piece in f.read():
                        return True
    return False


def read_all(address, auth=(), root="/", skip=("/zookeeper",), window=64):
    """Everything at and below root as this one server has it: {path: (data, stat, acl)}, after a sync. `auth` are digests
    ("user:password") that open what is not open to all."""
    tree = {}
    with wire.Conn(address) as c:
        c.connect(timeout=30000)
        for digest in auth:
            c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf(digest), xid=wire.AUTH_XID)
        c.sync(root)
        wave = [root]
        while wave:
            found = []
            for at in range(0, len(wave), window):
                found += read_batch(c, wave[at:at + window], tree)
            wave = [p for p in found if p not in skip]
        c.close_session()
    return tree


def read_batch(c, batch, tree):
    """Read these paths into tree; returns the paths of their children."""
    found = []
    for path in batch:
        for op, body in ((wire.GET, wire.watched(path)), (wire.GET_ACL, wire.buf(path)), (wire.CHILDREN, wire.watched(path))):
            c.send(op, body)
    for path in batch:
        replies = [c.reply() for _ in range(3)]
        if any(r.err == wire.NO_NODE for r in replies):
            continue
        assert not any(r.err for r in replies), (path, replies)
        data, acls, names = [wire.Reader(r.body) for r in replies]
        value = data.buf()
        tree[path] = (value, data.stat(), sorted(acls.acls()))
        found += [(path if path != "/" else "") + "/" + n for n in names.strs()]
    return found


class MixedCase(harness.Case):
    """Tests of mixed ensembles: equal trees and quiet logs at the end."""

    AUTH = ("interop:secret", "other:secret")

    def mixed(self, word, first=None, options=None):
        """A started ensemble; `first` is the sid that is to lead it."""
        ens = Mixed(word, options)
        self.addCleanup(ens.close)
        if first:
            ens.start_led_by(ens[first])
        else:
            ens.start()
        return ens

    def assert_equal_trees(self, ens, root="/"):
        """Every member that runs, read directly, has the same znodes with the same data, Stat and ACL. Returns the tree."""
        members = [m for m in ens.members if m.running() and not m.paused]
        first = members[0]
        tree = read_all(first.address, self.AUTH, root)
        for m in members[1:]:
            other = read_all(m.address, self.AUTH, root)
            paths = [p for p in sorted(set(tree) | set(other)) if tree.get(p) != other.get(p)]
            shown = "".join("\n  %s:\n    %s=%.600r\n    %s=%.600r" % (p, first, tree.get(p), m, other.get(p)) for p in paths[:5])
            self.assertFalse(paths, "%s (%s) and %s (%s) differ in %d of %d znodes:%s"
                             % (first, first.engine, m, m.engine, len(paths), len(tree), shown))
        return tree

    def assert_quiet(self, ens, calm=False):
        """Nothing in Apache's logs since mark() that must not be there, and no tree that is not what its digest says. A member of
        Apache's that was killed may find such a one by itself (see OWN_FAULTS_UNDER_APACHE)."""
        self.assertEqual(ens.complaints(calm), [])
        self.assertEqual({m: n for m, n in mismatches(ens).items() if n and (calm or m.engine == "ours")}, {})

    def conns(self, ens, **kw):
        """A connection to each member, as {member: Conn}."""
        return {m: self.conn(m.address, **dict(dict(timeout=20000), **kw)) for m in ens.members if m.running()}

    def sync(self, m, c):
        """A sync. A member of Apache's may sleep through its commit until the next request comes: then another one is sent."""
        if m.engine != "apache":
            c.sync()
            return
        patience, waits = 3, c.sock.gettimeout()
        xids = [c.send(wire.SYNC, wire.buf("/"))]
        c.sock.settimeout(patience)
        try:
            replies = [c.reply()]
        except AssertionError as e:
            if not str(e).startswith("no answer"):
                raise
            c.sock.settimeout(waits)
            xids.append(c.send(wire.SYNC, wire.buf("/")))
            replies = [c.reply(), c.reply()]
        c.sock.settimeout(waits)
        self.assertEqual([(r.xid, r.err) for r in replies], [(x, 0) for x in xids])

    def auth(self, c, digest):
        c.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf(digest), xid=wire.AUTH_XID)
        return c
