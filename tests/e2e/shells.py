"""Shells to hold against each other: zkcli, and Apache's ZooKeeperMain, each fed many commands at once; and a terminal to type in."""
import os
import pty
import re
import select
import signal
import subprocess
import time

import ensemble
from ensemble import DEADLINE

MARK = "printwatches"  # changes nothing, says one line, needs no server
MARKED = re.compile(r"printwatches is on\n")
PREAMBLE = re.compile(r"\AConnecting to .*\nWelcome to ZooKeeper!\nJLine support is disabled\n")
# A thread of its own prints these two in Apache's shell, and a command's line may come between them.
EVENT = re.compile(r"\nWATCHER::\n|\n(WatchedEvent state:\S+ type:\S+ path:.*)\n")


def zkcli(hosts, *words, stdin=None, options=(), env=None, timeout=DEADLINE):
    """Run zkcli once; returns (exit status, stdout, stderr)."""
    command = [ensemble.program("zkcli"), "-server", hosts] + list(options) + list(words)
    r = subprocess.run(command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout,
                       stdin=subprocess.DEVNULL if stdin is None else None, env=dict(os.environ, **(env or {})))
    return r.returncode, r.stdout, r.stderr


def apache_shell(hosts, words=()):
    """The command line of Apache's shell. ensemble.NotAvailable when it is not on this machine."""
    command = ensemble.apache_command("")[:-2]
    return [c.replace("slf4j-simple", "slf4j-nop") for c in command] + ["org.apache.zookeeper.ZooKeeperMain", "-server",
                                                                        hosts] + list(words)


def apache(hosts, *words, stdin=None):
    r = subprocess.run(apache_shell(hosts, words), input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                       stdin=subprocess.DEVNULL if stdin is None else None, timeout=3 * DEADLINE)
    return r.returncode, r.stdout, r.stderr


def said(command, commands):
    """What a shell says to each of these commands, stdout and stderr together: (exit status, [text], [events])."""
    script = "".join("%s\n%s\n" % (line, MARK) for line in commands) + "quit\n"
    r = subprocess.run(command, input=script, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=3 * DEADLINE)
    text, events = r.stdout, EVENT.findall(r.stdout)
    parts = MARKED.split(PREAMBLE.sub("", EVENT.sub("", text)))[:-1]
    if len(parts) != len(commands):
        raise AssertionError("%s answered %d of %d commands:\n%s" % (command[0], len(parts), len(commands), text[-2000:]))
    return r.returncode, parts, [e for e in events if e and "type:None" not in e]


def normal(text):
    """Without what differs from run to run, and without Java's names of exceptions."""
    text = re.sub(r"\borg\.apache\.commons\.cli\.\w+: ", "", text)
    text = re.sub(r"(?m)^([mc]time) = .*", r"\1 = DATE", text)
    text = re.sub(r"(?m)^([cmp]Zxid|ephemeralOwner) = 0x[0-9a-f]{2,}$", r"\1 = 0xN", text)
    return re.sub(r"(?m)^([cmp]Zxid) = 0x[1-9a-f]$", r"\1 = 0xN", text)


class Terminal:
    """A program on a terminal of its own. What it writes is kept; see() waits for a part of what has not been seen yet."""

    def __init__(self, command, env=None):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], command, dict(os.environ, TERM="vt100", COLUMNS="200", **(env or {})))
            finally:
                os._exit(126)
        self.unseen, self.all, self.status = "", "", None

    def type(self, text):
        os.write(self.fd, text.encode())

    def line(self, text):
        self.type(text + "\r")

    def read(self, wait):
        """Whether something came."""
        if not select.select([self.fd], [], [], wait)[0]:
            return False
        try:
            piece = os.read(self.fd, 65536)
        except OSError:
            piece = b""
        # The editor moves the cursor and clears lines; the text is what counts.
        text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\r\x07\x08]", "", piece.decode("utf-8", "replace"))
        self.unseen += text
        self.all += text
        return piece != b""

    def see(self, pattern, timeout=DEADLINE):
        end = time.monotonic() + timeout
        while True:
            found = re.search(pattern, self.unseen)
            if found:
                self.unseen = self.unseen[found.end():]
                return found
            if time.monotonic() > end or not self.read(0.1) and self.ended():
                raise AssertionError("waited for %r; the terminal shows:\n%s" % (pattern, self.all[-3000:]))

    def ended(self):
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def end(self, timeout=DEADLINE):
        """Waits for its end; returns the exit status."""
        end = time.monotonic() + timeout
        while not self.ended():
            if time.monotonic() > end:
                raise AssertionError("it did not end; the terminal shows:\n%s" % self.all[-3000:])
            self.read(0.05)
        return self.status

    def close(self):
        if not self.ended():
            os.kill(self.pid, signal.SIGKILL)
            self.end()
        os.close(self.fd)
