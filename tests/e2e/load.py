"""Write loads that remember what the service promised, and the check that it kept it.

Two kinds of writers: KazooWriter, a thread with kazoo's client, and CWriter, a process with the Apache C client (cload).
Both do the same operations under one root and keep the same record of their answers; check() holds that record against
what each server has afterwards.
"""
import collections
import subprocess
import tempfile
import threading

import ensemble
import wire
from ensemble import DEADLINE, wait_for
from harness import UNKNOWN, end_kazoo, kazoo_client
from kazoo.exceptions import NoNodeError


def has_c_client():
    """False where the Apache C client was not there to build cload with."""
    try:
        return bool(ensemble.program("cload"))
    except ensemble.NotAvailable:
        return False


def need_c_client(case):
    """Skip the test without it."""
    if not has_c_client():
        case.skipTest("there is no cload: the Apache C client's library is missing")


class Record:
    """What a writer was told. `acked` counts every acknowledged operation."""

    def __init__(self):
        self.acked = 0
        self.created, self.deleted = set(), set()           # paths acknowledged
        self.unsure = set()                                 # paths of creates and deletes without an answer
        self.registers = {}                                 # path -> values that may be there at the end
        self.sequential = {}                                # token -> path
        self.sequential_unsure = set()                      # tokens
        self.sessions = []                                  # session ids, one for each connection
        self.held = []                                      # ephemerals of this writer
        self.bad = []                                       # answers that must not be

    def ok(self, kind, what, value=None):
        self.acked += 1
        if kind == "create":
            self.created.add(what)
        elif kind == "delete":
            self.deleted.add(what)
        elif kind == "set":
            self.registers[what] = {value}
        elif kind == "seq":
            if what in self.sequential:
                self.bad.append("%s acknowledged twice" % what)
            self.sequential[what] = value

    def unknown(self, kind, what, value=None):
        if kind in ("create", "delete"):
            self.unsure.add(what)
        elif kind == "seq":
            self.sequential_unsure.add(what)
        else:
            # An unanswered set may be the last one, until a later one is acknowledged.
            self.registers.setdefault(what, set()).add(value)


class KazooWriter:
    """A thread that writes one operation after the other; each is tried once."""

    def __init__(self, hosts, root, name, pause=0.002):
        self.hosts, self.root, self.name, self.pause = hosts, root, name, pause
        self.record = Record()
        self.stopping = threading.Event()
        self.error = None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.zk = kazoo_client(self.hosts, timeout=10.0)
        self.register = "%s/reg-%s" % (self.root, self.name)
        alive = "%s/alive-%s" % (self.root, self.name)
        self.zk.create(self.register)
        self.zk.create(alive, ephemeral=True)
        self.record.held.append(alive)
        self.record.sessions.append(self.zk.client_id[0])
        self.thread.start()
        return self

    def run(self):
        n = 0
        try:
            while not self.stopping.wait(self.pause):
                self.step(n)
                n += 1
        except BaseException as e:
            self.error = e

    def step(self, n):
        kind = ("create", "set", "seq", "delete")[n % 4]
        token = "%s-%d" % (self.name, n)
        path = "%s/node-%s" % (self.root, token)
        if kind == "create":
            self.attempt(kind, path, None, lambda: self.zk.create(path, token.encode()))
        elif kind == "set":
            self.attempt(kind, self.register, token, lambda: self.zk.set(self.register, token.encode()))
        elif kind == "seq":
            self.attempt(kind, token, None,
                         lambda: self.zk.create(self.root + "/seq/s-", token.encode(), sequence=True))
        elif n % 8 == 7:
            path = "%s/node-%s-%d" % (self.root, self.name, n - 3)
            self.attempt(kind, path, None, lambda: self.zk.delete(path))

    def attempt(self, kind, what, value, call):
        try:
            answer = call()
        except UNKNOWN:
            self.record.unknown(kind, what, value)
        except NoNodeError:
            # Only the delete of a node whose create has had no answer may find nothing.
            if kind != "delete" or what not in self.record.unsure:
                self.record.bad.append("%s %s: no node" % (kind, what))
        else:
            self.record.ok(kind, what, answer if kind == "seq" else value)

    def acked(self):
        if self.error:
            raise AssertionError("writer %s: %r" % (self.name, self.error))
        return self.record.acked

    def stop(self):
        """Stop writing; the session lives on until end()."""
        self.stopping.set()
        self.thread.join()
        self.acked()
        return self.record

    def end(self):
        self.stopping.set()
        end_kazoo(self.zk)


class CProcess:
    """A cload process: its lines are read by a thread as they come."""

    def __init__(self, *args):
        # The library's complaints go to a file: a pipe that nobody reads would stop it.
        self.complaints = tempfile.TemporaryFile("w+", errors="replace")
        self.process = subprocess.Popen(ensemble.with_parent([ensemble.program("cload")] + [str(a) for a in args]),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True)
        self.lines = collections.deque()
        self.ended = None
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.line(line.rstrip("\n"))

    def line(self, line):
        self.lines.append(line)

    def wait_line(self, prefix):
        """Wait for a line that starts so."""
        return wait_for("cload to say '%s'" % prefix, lambda: next((x for x in list(self.lines) if x.startswith(prefix)), None))

    def finish(self):
        """Let it end in its orderly way; returns its status."""
        try:
            self.process.stdin.close()
            status = self.process.wait(DEADLINE)
            self.reader.join(DEADLINE)
            return status
        except subprocess.TimeoutExpired:
            raise ensemble.Timeout("cload did not end; last lines: %r" % list(self.lines)[-5:])

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        self.kill()
        self.reader.join()
        for f in (self.process.stdin, self.process.stdout, self.complaints):
            try:
                f.close()
            except OSError:
                pass


class CWriter(CProcess):
    """cload's write mode, as a writer. Its session ends with stop(), and its ephemerals with it."""

    def __init__(self, hosts, root, name, rate=300):
        self.name = name
        self.record = Record()
        super().__init__("write", hosts, root, name, rate)

    def start(self):
        self.wait_line("held")
        return self

    def line(self, line):
        words = line.split(" ")
        r = self.record
        if words[0] == "ok":
            r.ok(words[1], words[2], *words[3:])
        elif words[0] == "unknown":
            r.unknown(*words[1:4])
        elif words[0] == "bad":
            if not (words[1] == "delete" and words[4] == str(wire.NO_NODE) and words[2] in r.unsure):
                r.bad.append(line)
        elif words[0] == "session":
            r.sessions.append(int(words[1]))
        elif words[0] == "held":
            r.held.append(words[1])
        elif words[0] == "expired":
            r.bad.append("the session expired")
        self.lines.append(line)

    def acked(self):
        if self.process.poll() is not None and self.process.returncode != 0:
            raise AssertionError("cload ended with %d: %s" % (self.process.returncode, list(self.lines)[-3:]))
        return self.record.acked

    def stop(self):
        status = self.finish()
        assert status == 0, "cload ended with %d: %s" % (status, list(self.lines)[-3:])
        assert self.lines[-1].startswith("end "), self.lines[-1]
        return self.record


def check(tree, root, records):
    """What the records say against what one server has below root; returns a list of complaints."""
    complaints = []
    sequential = collections.Counter()
    where = {}
    for path, (data, _) in tree.items():
        if path.startswith(root + "/seq/"):
            sequential[data.decode()] += 1
            where[data.decode()] = path
    complaints += ["%s is there %d times" % (t, n) for t, n in sequential.items() if n > 1]
    for r in records:
        complaints += r.bad
        complaints += ["%s was acknowledged and is not there" % p for p in r.created - r.deleted - r.unsure
                       if p not in tree]
        complaints += ["%s was deleted and is there" % p for p in r.deleted if p in tree]
        for path, values in r.registers.items():
            got = tree[path][0].decode() if path in tree else None
            if got not in values:
                complaints.append("%s has %r, may have %r" % (path, got, values))
        complaints += ["%s was acknowledged as %s and is at %s" % (t, p, where.get(t))
                       for t, p in r.sequential.items() if where.get(t) != p]
    known = set().union(*[set(r.sequential) | r.sequential_unsure for r in records])
    complaints += ["%s is there and nobody sent it" % t for t in sequential if t not in known]
    return complaints
