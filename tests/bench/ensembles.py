"""Three-server ensembles for the benchmark: Apache ZooKeeper's and ours, started alike, on loopback ports of their own."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time

SIZE = 3

CONFIG = """tickTime=2000
initLimit=10
syncLimit=5
dataDir={data}
clientPort={client}
clientPortAddress=127.0.0.1
admin.enableServer=false
4lw.commands.whitelist=*
"""


class Trouble(Exception):
    """What went wrong, in a sentence for the person at the terminal."""


def free_ports(count):
    """Ports nobody listens on, below the range that the system gives to outgoing connections."""
    ports = []
    while len(ports) < count:
        port = random.randrange(11000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports


def word(port, text, timeout=2.0):
    """The answer to a four-letter word, "" when there is none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout) as s:
            s.settimeout(timeout)
            s.sendall(text.encode())
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
            return answer.decode(errors="replace")
    except OSError:
        return ""


def srvr(port):
    """The fields of the srvr word, {} when the server does not serve."""
    lines = (line.partition(": ") for line in word(port, "srvr").splitlines())
    return {key: value for key, _, value in lines if value}


class Ensemble:
    """Members are numbered from 1. command(config) gives the argv of one."""

    def __init__(self, name, command, folder):
        self.name = name
        self.command = command
        self.folder = folder
        self.processes = {}
        ports = free_ports(3 * SIZE)
        self.client = {i + 1: ports[3 * i] for i in range(SIZE)}
        self.peers = "".join(
            f"server.{i + 1}=127.0.0.1:{ports[3 * i + 1]}:{ports[3 * i + 2]}\n" for i in range(SIZE))

    def servers(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.client.values())

    def prepare(self):
        """Empty data folders, so that the next start is a first one."""
        for i in self.client:
            home = self.home(i)
            shutil.rmtree(home, ignore_errors=True)
            os.makedirs(os.path.join(home, "data"))
            with open(os.path.join(home, "data", "myid"), "w") as f:
                f.write(f"{i}\n")
            with open(os.path.join(home, "zoo.cfg"), "w") as f:
                f.write(CONFIG.format(data=os.path.join(home, "data"), client=self.client[i]) + self.peers)

    def home(self, member):
        return os.path.join(self.folder, f"{self.name}{member}")

    def start(self, member):
        home = self.home(member)
        with open(os.path.join(home, "log"), "ab") as log:
            # A session of its own: the terminal's Ctrl-C reaches the benchmark, which then ends its servers.
            self.processes[member] = subprocess.Popen(
                self.command(os.path.join(home, "zoo.cfg")), cwd=home, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)

    def start_all(self):
        for i in self.client:
            self.start(i)

    def stop(self):
        for p in self.processes.values():
            if p.poll() is None:
                p.send_signal(signal.SIGKILL)
        for p in self.processes.values():
            p.wait()
        self.processes = {}

    def check_alive(self):
        for i, p in self.processes.items():
            if p.poll() is not None:
                raise Trouble(f"{self.name} {i} ended with {p.returncode}: {self.log_tail(i)}")

    def log_tail(self, member):
        try:
            with open(os.path.join(self.home(member), "log"), errors="replace") as f:
                return " / ".join(f.read().splitlines()[-5:]) or "its log is empty"
        except OSError as e:
            return str(e)

    def modes(self):
        return {i: srvr(port).get("Mode", "") for i, port in self.client.items()}

    def leader_when_whole(self, timeout=60.0):
        """Waits until one leads and all others follow; returns the leader's number."""
        until = time.monotonic() + timeout
        while True:
            self.check_alive()
            modes = self.modes()
            leaders = [i for i, mode in modes.items() if mode == "leader"]
            followers = [i for i, mode in modes.items() if mode == "follower"]
            if len(leaders) == 1 and len(followers) == SIZE - 1:
                return leaders[0]
            if time.monotonic() > until:
                raise Trouble(f"{self.name} is not whole after {timeout:.0f} s: {modes}")
            time.sleep(0.02)

    def pss(self):
        """Bytes of memory, shared pages counted in their share; None where the system does not tell."""
        total = 0
        for p in self.processes.values():
            try:
                with open(f"/proc/{p.pid}/smaps_rollup") as f:
                    total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
            except OSError:
                return None
        return total


def apache_command():
    """Apache ZooKeeper's argv for a configuration file; raises Trouble when it is not installed."""
    java = shutil.which("java")
    if java is None:
        raise Trouble("java is not installed")
    classpath = os.environ.get("ZOOKEEPER_CLASSPATH")
    if classpath is None:
        jar = "/usr/share/java/zookeeper.jar"
        if not os.path.exists(jar):
            raise Trouble(f"{jar} is not there (Debian's package is libzookeeper-java; or set ZOOKEEPER_CLASSPATH)")
        # Without a log: that is in Apache's favour.
        classpath = f"{jar}:/usr/share/java/slf4j-nop.jar"
    # The heap is what zkServer.sh gives.
    return lambda config: [java, "-Xmx1000m", "-cp", classpath, "org.apache.zookeeper.server.quorum.QuorumPeerMain", config]


def our_command(build):
    program = os.path.join(build, "zkserver")
    if not os.access(program, os.X_OK):
        raise Trouble(f"{program} is not there; build it first, or say --build DIR")
    return lambda config: [program, "start-foreground", config]
