"""Real ensembles for the end-to-end tests: make the zoo.cfgs, run the members as plain processes, break them, look at them.

ENGINE=ours (the default) runs zkserver, ENGINE=apache runs Apache ZooKeeper from the system's jars: the same tests judge
both, so that a test that fails with ours and passes with Apache shows a fault of ours. ENGINE=mixed puts both into the
same ensembles: members with an even number are Apache's.

Nothing here sleeps to be in time: wait_for() polls a condition until a deadline and says what it waited for.
"""
import atexit
import contextlib
import fcntl
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ENGINE = os.environ.get("ENGINE", "ours")
DEADLINE = float(os.environ.get("E2E_DEADLINE", "30"))
JARS = ("zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "netty-all", "netty-buffer", "netty-codec",
        "netty-common", "netty-handler", "netty-resolver", "netty-transport", "snappy-java", "metrics-core",
        "commons-cli", "commons-io")


class Timeout(AssertionError):
    """What was waited for did not happen before the deadline."""


class NotAvailable(Exception):
    """The engine, or a program that a test needs, is not on this machine."""


def wait_for(what, condition, timeout=DEADLINE, interval=0.01):
    """Return condition()'s first true value; raise Timeout, which names `what`, after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Timeout("waited %.0f s for %s; last value: %r" % (timeout, what, value))
        time.sleep(interval)


# -- programs ----------------------------------------------------------------------------------------------------------

def builddir():
    """The build's root, where the programs land: $top_builddir, or the folder that the tests run in."""
    return os.path.abspath(os.environ.get("top_builddir", "."))


def program(name):
    """Path of one of our programs: $NAME (ZKSERVER, PSEUDO_CLUSTER, CLOAD) or in the build folder's root, tests/e2e or tests/interop."""
    named = os.environ.get(name.upper().replace("-", "_"))
    if named:
        return os.path.abspath(named)
    for folder in ("", "tests/e2e", "tests/interop"):
        path = os.path.join(builddir(), folder, name)
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise NotAvailable("%s is not in %s (set %s)" % (name, builddir(), name.upper().replace("-", "_")))


def engine_of(sid):
    """The engine that ENGINE gives a member: ours or apache."""
    if ENGINE not in ("ours", "apache", "mixed"):
        raise NotAvailable("ENGINE is ours, apache or mixed, not %s" % ENGINE)
    return ENGINE if ENGINE != "mixed" else "ours" if sid % 2 == 1 else "apache"


def server_command(cfg, engine=None, properties=()):
    """The command line that runs one member in the foreground; `properties` are a JVM's."""
    if (engine or engine_of(1)) == "ours":
        return [program("zkserver"), "start-foreground", cfg]
    return apache_command(cfg, properties)


def apache_command(cfg, properties=()):
    return java_command("org.apache.zookeeper.server.quorum.QuorumPeerMain", [cfg], properties)


def java_command(main, arguments, properties=()):
    """The command line that runs a class of Apache ZooKeeper's: the server, or its shell org.apache.zookeeper.ZooKeeperMain."""
    jars = [os.path.join(os.environ.get("ZOOKEEPER_JARS", "/usr/share/java"), j + ".jar") for j in JARS]
    missing = [j for j in jars if not os.path.exists(j)]
    if missing or not shutil.which("java"):
        raise NotAvailable("Apache ZooKeeper needs java and %s" % " ".join(missing))
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx128m",
            "-Dorg.slf4j.simpleLogger.showDateTime=true", "-Dfile.encoding=UTF-8"] + ["-D" + p for p in properties] + ["-cp", ":".join(jars),
            main] + arguments


def with_parent(command):
    """Make the kernel end `command` with us, where it can: a killed test run leaves no server behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] + command if setpriv else command


# -- ports -------------------------------------------------------------------------------------------------------------

class Ports:
    """Ports that no parallel run shares: below the ephemeral range, each held by a lock file while this process lives."""

    FIRST, LAST = 11000, 31000

    def __init__(self):
        self.folder = os.path.join(tempfile.gettempdir(), "pseudo-cluster-e2e-ports-%d" % os.getuid())
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        self.held = []
        self.next = random.SystemRandom().randrange(self.FIRST, self.LAST)

    def take(self):
        for _ in range(self.LAST - self.FIRST):
            port, self.next = self.next, self.next + 1
            if self.next >= self.LAST:
                self.next = self.FIRST
            lock = open(os.path.join(self.folder, str(port)), "w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", port))
                self.held.append(lock)
                return port
            except OSError:
                lock.close()
        raise NotAvailable("no free port between %d and %d" % (self.FIRST, self.LAST))


ports = Ports()


# -- one member --------------------------------------------------------------------------------------------------------

class Member:
    """One server process: its zoo.cfg, its ports, and what can be done to it."""

    def __init__(self, ensemble, sid):
        self.ensemble, self.sid = ensemble, sid
        self.name = "zoo%d" % sid
        self.folder = os.path.join(ensemble.folder, self.name)
        self.cfg = os.path.join(ensemble.folder, self.name + ".cfg")
        self.log = os.path.join(ensemble.folder, self.name + ".log")
        self.client_port, self.quorum_port, self.election_port = ports.take(), ports.take(), ports.take()
        self.address = ("127.0.0.1", self.client_port)
        self.hosts = "127.0.0.1:%d" % self.client_port
        self.process = None
        self.paused = False
        self.observer = False
        self.engine = engine_of(sid)

    def __repr__(self):
        return self.name

    # what is done to it

    def start(self):
        assert not self.running(), "%s runs already" % self.name
        self.paused = False
        with open(self.log, "ab") as log:
            command = server_command(self.cfg, self.engine, self.ensemble.properties)
            self.process = subprocess.Popen(with_parent(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.ensemble.folder, start_new_session=True)
        return self

    def kill(self):
        """kill -9, and gone when this returns."""
        return self.end(signal.SIGKILL)

    def stop(self):
        """An orderly stop (SIGTERM); returns the exit status."""
        return self.end(signal.SIGTERM)

    def end(self, sig):
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(sig)
            if self.paused:
                self.process.send_signal(signal.SIGCONT)
        try:
            status = self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Timeout("%s did not end %.0f s after signal %d" % (self.name, DEADLINE, sig))
        self.process = None
        return status

    def pause(self):
        """Stop it from doing anything (SIGSTOP): sockets stay open, nothing is answered."""
        self.process.send_signal(signal.SIGSTOP)
        self.paused = True
        if hasattr(os, "waitid"):
            # Not every thread stops at once: until the kernel says that all have, something may still be answered.
            wait_for("%s to be stopped" % self.name,
                     lambda: os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOHANG))

    def resume(self):
        self.process.send_signal(signal.SIGCONT)
        self.paused = False

    def restart(self):
        self.stop()
        return self.start()

    def running(self):
        return self.process is not None and self.process.poll() is None

    # what it says

    def word(self, word, timeout=2.0):
        """The answer to a four-letter word; None if there is none."""
        if not self.running() or self.paused:
            return None
        try:
            with socket.create_connection(self.address, timeout=timeout) as s:
                s.sendall(word.encode())
                answer = b""
                while True:
                    piece = s.recv(65536)
                    if not piece:
                        return answer.decode("utf-8", "replace")
                    answer += piece
        except OSError:
            return None

    def srvr(self):
        """The fields of `srvr` as a dict, {} when it does not serve."""
        answer = self.word("srvr") or ""
        return dict(re.findall(r"^([A-Z][^:\n]*): (.*)$", answer, re.M)) if "Mode: " in answer else {}

    def mode(self):
        """leader, follower, observer, standalone; None while it does not serve."""
        return self.srvr().get("Mode")

    def zxid(self):
        """Its last applied zxid; None while it does not serve."""
        zxid = self.srvr().get("Zxid")
        return int(zxid, 16) if zxid else None

    def wait_serving(self, timeout=DEADLINE):
        def serving():
            if not self.running():
                raise AssertionError("%s ended with status %r\n%s"
                                     % (self.name, self.process and self.process.poll(), self.log_tail()))
            return self.mode()
        return wait_for("%s to serve" % self.name, serving, timeout)

    def log_tail(self, lines=20):
        try:
            with open(self.log, errors="replace") as f:
                return "".join("    %s: %s\n" % (self.name, line.rstrip()) for line in f.readlines()[-lines:])
        except OSError:
            return ""


# -- the ensemble ------------------------------------------------------------------------------------------------------

class Ensemble:
    """N members in a temporary folder. `options` are zoo.cfg lines that add to or replace the defaults below.

    Times are small so that losses are found fast: a tick is 200 ms, syncLimit 2 s, initLimit 10 s. Sessions of 400 ms to
    60 s are granted. With n=1 and no `quorum=True` the member is standalone. `engines` names the engine of each member,
    where it is not ENGINE that says so; `properties` are given to each JVM.
    """

    DEFAULTS = {"tickTime": 200, "initLimit": 50, "syncLimit": 10, "minSessionTimeout": 400, "maxSessionTimeout": 60000,
                "maxClientCnxns": 0, "admin.enableServer": "false", "4lw.commands.whitelist": "*"}

    def __init__(self, n, quorum=None, observers=0, options=None, engines=None, properties=()):
        self.folder = tempfile.mkdtemp(prefix="pseudo-cluster-e2e-")
        self.quorum = n + observers > 1 if quorum is None else quorum
        self.options = dict(self.DEFAULTS, **(options or {}))
        self.properties = properties
        self.members = [Member(self, sid) for sid in range(1, n + observers + 1)]
        for m, engine in zip(self.members, engines or ()):
            m.engine = engine
        for m in self.members[n:]:
            m.observer = True
        for m in self.members:
            self.write_cfg(m)
        live.add(self)

    def write_cfg(self, m):
        os.makedirs(m.folder, exist_ok=True)
        lines = ["%s=%s" % (k, v) for k, v in self.options.items() if v is not None]
        lines += ["dataDir=%s" % m.folder, "clientPortAddress=127.0.0.1", "clientPort=%d" % m.client_port]
        if self.quorum:
            if len(self.members) == 1:
                lines.append("standaloneEnabled=false")
            lines += ["server.%d=127.0.0.1:%d:%d%s" % (p.sid, p.quorum_port, p.election_port,
                                                       ":observer" if p.observer else "") for p in self.members]
            with open(os.path.join(m.folder, "myid"), "w") as f:
                f.write("%d\n" % m.sid)
        with open(m.cfg, "w") as f:
            f.write("\n".join(lines) + "\n")

    def __getitem__(self, sid):
        return self.members[sid - 1]

    @property
    def hosts(self):
        """The connect string of all members."""
        return ",".join(m.hosts for m in self.members)

    def start(self):
        """Start every member and wait until all of them serve."""
        try:
            for m in self.members:
                if not m.running():
                    m.start()
            return self.wait_serving()
        except BaseException:
            with contextlib.suppress(AssertionError):
                self.close()
            raise

    def wait_serving(self, timeout=DEADLINE):
        """Wait until every running, not paused member serves under one leader."""
        def settled():
            modes = {m: m.mode() for m in self.members if m.running() and not m.paused}
            if None in modes.values() or not modes:
                dead = [m for m in self.members if m.process is not None and m.process.poll() is not None]
                if dead:
                    raise AssertionError("%s ended by itself\n%s" % (dead, "".join(m.log_tail() for m in dead)))
                return None
            return modes if sum(v in ("leader", "standalone") for v in modes.values()) == 1 else None
        wait_for("all of %s to serve" % [m for m in self.members if m.running() and not m.paused], settled, timeout)
        return self

    def leader(self, timeout=DEADLINE):
        """The member that leads and serves; waits for one."""
        return wait_for("a leader", lambda: next((m for m in self.members if m.mode() in ("leader", "standalone")), None),
                        timeout)

    def followers(self):
        leader = self.leader()
        return [m for m in self.members if m is not leader and m.running() and not m.paused]

    def close(self):
        """End all members and remove the folder (kept with E2E_KEEP=1). AssertionError if one had ended by itself, or if one
        of ours does not end well when it is asked to."""
        bad = ["%s had ended by itself with status %d" % (m, m.process.returncode)
               for m in self.members if m.process is not None and m.process.poll() is not None]
        for m in self.members:
            if m.running() and not m.paused and m.engine == "ours":
                try:
                    status = m.stop()
                    if status:
                        bad.append("%s ended with status %d after SIGTERM" % (m, status))
                except Timeout as e:
                    bad.append(str(e))
            m.kill()
        tails = self.log_tails() if bad else ""
        if not os.environ.get("E2E_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        live.discard(self)
        if bad:
            raise AssertionError("%s\n%s" % ("; ".join(bad), tails))

    def log_tails(self):
        return "".join(m.log_tail() for m in self.members)


live = set()


@atexit.register
def close_all():
    for ensemble in list(live):
        with contextlib.suppress(AssertionError):
            ensemble.close()


