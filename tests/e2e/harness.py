"""What the end-to-end tests share: finding kazoo, running as a program that prints TAP, clients, and small assertions.

Each test_*.py is a program too. Exit status: 0 all passed, 1 some failed, 77 skipped (no kazoo: one line says so), 99 there
is no server to run.
"""
import contextlib
import logging
import os
import sys
import threading
import time
import traceback
import unittest

SYSTEM_PYTHON = "/usr/bin/python3"

try:
    import kazoo.client
except ImportError:
    # Distributions install kazoo for their own python3, which need not be the first one in PATH.
    if os.path.exists(SYSTEM_PYTHON) and not os.environ.get("E2E_PYTHON_TRIED"):
        os.environ["E2E_PYTHON_TRIED"] = "1"
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, "-B"] + sys.argv)
    print("1..0 # SKIP the end-to-end tests need kazoo (Debian: python3-kazoo)")
    sys.exit(77)

from kazoo.exceptions import ConnectionLoss, ConnectionClosedError, OperationTimeoutError, SessionExpiredError
from kazoo.handlers.threading import KazooTimeoutError

import ensemble
import wire
from ensemble import DEADLINE, ENGINE, wait_for

# A request that fails with one of these may or may not have been done.
UNKNOWN = (ConnectionLoss, ConnectionClosedError, OperationTimeoutError, SessionExpiredError, KazooTimeoutError)

logging.getLogger("kazoo").addHandler(logging.NullHandler())
logging.getLogger("kazoo").propagate = False


# -- clients -----------------------------------------------------------------------------------------------------------

def kazoo_client(hosts, timeout=8.0, **kw):
    """A started kazoo client: it reconnects fast and never repeats a request by itself."""
    zk = kazoo.client.KazooClient(hosts=hosts, timeout=timeout,
                                  connection_retry=dict(max_tries=-1, delay=0.02, backoff=1, max_delay=0.1),
                                  command_retry=dict(max_tries=0), **kw)
    zk.start(timeout=DEADLINE)
    return zk


def end_kazoo(zk):
    with contextlib.suppress(Exception):
        zk.stop()
    with contextlib.suppress(Exception):
        zk.close()


class Watched:
    """A watcher to hand to kazoo: keeps the events that came, as (type, path)."""

    def __init__(self):
        self.events = []
        self.changed = threading.Condition()

    def __call__(self, event):
        with self.changed:
            self.events.append((event.type, event.path))
            self.changed.notify_all()

    def wait(self, n=1, timeout=DEADLINE):
        """Wait for n events in all; returns them."""
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.events) >= n, timeout):
                raise ensemble.Timeout("waited %.0f s for %d watch events; came: %r" % (timeout, n, self.events))
            return list(self.events)


class Undisturbed:
    """A client that works all the time on its own connection while something else happens; any hitch is an error.

    On leaving the block it must have done at least one round in it, without a lost connection or a wrong answer.
    """

    def __init__(self, address, path):
        self.address, self.path = address, path
        self.rounds, self.error = 0, None
        self.stop = threading.Event()

    def __enter__(self):
        self.conn = wire.Conn(self.address)
        self.conn.connect(timeout=30000)
        self.conn.create(self.path)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        wait_for("the undisturbed client's first round", lambda: self.rounds or self.error)
        return self

    def run(self):
        try:
            while not self.stop.is_set():
                value = b"%d" % self.rounds
                self.conn.set(self.path, value)
                got = self.conn.get(self.path)[0]
                assert got == value, "read %r after writing %r" % (got, value)
                self.rounds += 1
                self.stop.wait(0.002)
        except BaseException as e:
            self.error = e

    def __exit__(self, kind, *_):
        before = self.rounds
        if kind is None:
            wait_for("a round of the undisturbed client after it all", lambda: self.rounds > before or self.error)
        self.stop.set()
        self.thread.join()
        if kind is None:
            if self.error:
                raise AssertionError("the other client was disturbed in round %d: %r" % (self.rounds, self.error))
            self.conn.close_session()
        self.conn.drop()


def not_yet(what):
    """Mark a test of something that zkserver does not have yet. It still runs: when it passes, the mark must go."""
    def mark(test):
        test.not_yet = what
        return test
    return mark


# -- test cases --------------------------------------------------------------------------------------------------------

class Case(unittest.TestCase):
    """Base of all tests: clients and ensembles that end with the test; names of their own for each test's znodes."""

    maxDiff = 4000
    counter = 0

    def fresh(self, name="t"):
        """A path that no other test uses."""
        Case.counter += 1
        return "/%s-%d" % (name, Case.counter)

    def kazoo(self, hosts, **kw):
        zk = kazoo_client(hosts, **kw)
        self.addCleanup(end_kazoo, zk)
        return zk

    def conn(self, address, connect=True, **kw):
        c = wire.Conn(address)
        self.addCleanup(c.drop)
        if connect:
            c.connect(**kw)
        return c

    def ensemble(self, n, **kw):
        ens = ensemble.Ensemble(n, **kw)
        self.addCleanup(ens.close)
        return ens

    def assert_same_trees(self, members, root="/", skip=("/zookeeper",)):
        """Every member, read directly, has the same nodes with the same data and stat. Returns the tree."""
        trees = {m: wire.read_tree(m.address, root, skip) for m in members}
        first = members[0]
        for m in members[1:]:
            if trees[m] != trees[first]:
                paths = [p for p in sorted(set(trees[m]) | set(trees[first])) if trees[m].get(p) != trees[first].get(p)]
                shown = "".join("\n  %s: %s=%r %s=%r" % (p, first, trees[first].get(p), m, trees[m].get(p))
                                for p in paths[:5])
                raise AssertionError("%s and %s differ in %d nodes:%s" % (first, m, len(paths), shown))
        return trees[first]


# -- running -----------------------------------------------------------------------------------------------------------

class TapResult(unittest.TestResult):
    """Prints a TAP line a test, with the seconds it took; a failure's trace follows as comments."""

    def __init__(self, out):
        super().__init__()
        self.out, self.n, self.passed, self.missing = out, 0, 0, {}
        self.began = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def line(self, verdict, test, note=""):
        self.n += 1
        name = ".".join(test.id().split(".")[-2:])
        print("%s %d - %s (%.2f s)%s" % (verdict, self.n, name, time.monotonic() - self.began, note),
              file=self.out, flush=True)

    def comment(self, text):
        print("".join("# %s\n" % line for line in text.rstrip().split("\n")), end="", file=self.out, flush=True)

    def not_yet(self, test):
        """What the test's mark says is missing; None without a mark, and for the engine that has everything."""
        method = getattr(test, getattr(test, "_testMethodName", ""), None)
        return None if ENGINE == "apache" else getattr(method, "not_yet", None)

    def addSuccess(self, test):
        if self.not_yet(test) and ENGINE == "ours":
            self.failures.append((test, ""))
            self.line("not ok", test)
            self.comment("%s is there now: take not_yet() away" % self.not_yet(test))
            return
        self.passed += 1
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, " # SKIP " + reason)

    def expected(self, test):
        """True when the test was to fail; says so, once."""
        what = self.not_yet(test)
        if what and test.id() not in self.missing:
            self.missing[test.id()] = what
            self.line("not ok", test, " # TODO " + what)
        return bool(what)

    def fail(self, test, err):
        self.line("not ok", test)
        self.comment("".join(traceback.format_exception(*err)))
        for ens in list(ensemble.live):
            self.comment(ens.log_tails())

    def addFailure(self, test, err):
        if not self.expected(test):
            super().addFailure(test, err)
            self.fail(test, err)

    def addError(self, test, err):
        if not self.expected(test):
            super().addError(test, err)
            self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None and not self.expected(test):
            super().addSubTest(test, subtest, err)
            self.line("not ok", test, " " + subtest._subDescription())
            self.comment("".join(traceback.format_exception(*err)))


def chosen(modules, names=()):
    """The tests of `modules`; with names, only those that contain one of them."""
    tests = [t for m in modules for t in flatten(unittest.defaultTestLoader.loadTestsFromModule(m))]
    return [t for t in tests if not names or any(n in t.id() for n in names)]


def run(tests, out=None):
    """Run these tests. Returns the exit status."""
    out = out or sys.stdout
    suite = unittest.TestSuite(tests)
    print("1..%d" % suite.countTestCases(), file=out, flush=True)
    result = TapResult(out)
    began = time.monotonic()
    suite.run(result)
    bad = len(result.failures) + len(result.errors)
    skipped = len(result.skipped) + len(result.missing)
    print("# %d passed, %d failed, %d skipped with %s in %.1f s"
          % (result.passed, bad, skipped, ENGINE, time.monotonic() - began), file=out, flush=True)
    if result.missing:
        print("# not there yet: %s" % ", ".join(sorted(set(result.missing.values()))), file=out)
    if bad:
        return 1
    return 77 if skipped and not result.passed else 0


def flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from flatten(test)
        else:
            yield test


def main(*modules):
    """The main of a test_*.py: arguments are parts of test names."""
    run_and_exit(chosen(modules or (sys.modules["__main__"],), sys.argv[1:]))


def run_and_exit(tests):
    """Run these tests and end with their status; with 99 when there is no server to run."""
    try:
        ensemble.server_command("zoo.cfg")
    except ensemble.NotAvailable as e:
        print("Bail out! %s" % e)
        sys.exit(99)
    sys.exit(run(tests))
