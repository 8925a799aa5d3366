#!/usr/bin/env python3
"""The watch verb on a real terminal: what stands on the screen, what its keys do, that it leaves the terminal as it was; and the
lines that it prints elsewhere."""
import contextlib
import fcntl
import itertools
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

import harness
import test_faults
from ensemble import DEADLINE, Timeout, program, wait_for


COUNT = itertools.count()


class Terminal:
    """A program in tmux, with a server of its own."""

    def __init__(self, case, folder, width=80, height=24, env=()):
        self.case, self.socket = case, os.path.join(folder, "tmux%d" % next(COUNT))
        command = "exec env %s %s -C %s watch" % (" ".join(env), program("pseudo-cluster"), folder)
        # What it leaves on the terminal stays to be seen, and so does how the terminal is set.
        shell = "trap : INT HUP; stty -a > before; (%s); echo exit=$?; stty -a > after; echo over; exec cat" % command
        self.folder = folder
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "-c", folder, "sh", "-c", shell)
        case.addCleanup(self.end)

    def tmux(self, *args):
        env = dict(self.case.env, LC_ALL="C.UTF-8", TERM="xterm-256color")
        done = subprocess.run(["tmux", "-u", "-S", self.socket] + list(args), env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60)
        self.case.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def end(self):
        with contextlib.suppress(AssertionError):
            self.tmux("kill-server")

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def see(self, pattern, what=None):
        """Wait until the screen shows it; the screen."""
        def shown():
            self.last = self.screen()
            return re.search(pattern, self.last)
        try:
            wait_for(what or pattern, shown, interval=0.03)
        except Timeout as e:
            raise AssertionError("%s; the screen:\n%s" % (e, self.last))
        return self.last

    def pid(self):
        """Of the watching process."""
        tty = self.tmux("display-message", "-p", "#{pane_tty}").strip()
        out = subprocess.run(["ps", "-t", tty, "-o", "pid=,comm="], stdout=subprocess.PIPE, text=True).stdout
        return next(int(line.split()[0]) for line in out.splitlines() if "pseudo-cluster" in line)

    def settings(self):
        with open(os.path.join(self.folder, "before")) as b, open(os.path.join(self.folder, "after")) as a:
            return b.read(), a.read()


class Case(test_faults.Case):
    def setUp(self):
        super().setUp()
        # The folder's name is in the path of a socket.
        self.env["LC_ALL"] = "C.UTF-8"

    def watch(self, folder, **kw):
        if not shutil.which("tmux"):
            self.skipTest("tmux is not here")
        t = Terminal(self, folder, **kw)
        t.see("TIMELINE")
        return t


class Screen(Case):
    def test_it_shows_what_status_says(self):
        for n, width, height in ((3, 80, 24), (5, 80, 24), (7, 80, 24), (3, 140, 45)):
            folder = self.up(n, "c%d%d" % (n, width))
            t = self.watch(folder, width=width, height=height)
            screen = t.see(r"leader zoo\d, epoch 1   writes go on")
            lines = screen.splitlines()
            self.assertLessEqual(len(lines), height)
            self.assertLessEqual(max(map(len, lines)), width)
            for s in self.servers(folder).values():
                self.assertIn(s["name"], screen)
                self.assertIn(str(s["pid"]), screen)
                t.see(r" %s " % s["zxid"])
            self.assertEqual(len(re.findall("serving", screen)), n)
            self.assertIn("FAULTS   none", screen)
            self.assertRegex(lines[-1], r"k kill leader +r restart .* q quit")
            t.keys("q")
            t.see("exit=0")
            self.ok(folder, "down")

    def test_the_keys(self):
        folder = self.up(3)
        t = self.watch(folder)
        old = self.leader(folder)["name"]
        t.see(r"leader %s, epoch 1" % old)
        t.keys("?")
        t.see(r"e  expire all sessions")
        t.keys("?")
        t.see(r"nothing has happened yet")
        t.keys("k")
        screen = t.see(r"first write acknowledged")
        self.assertRegex(screen, r"(?m)^ \d\d:\d\d:\d\d\.\d{3} +key k: kill leader$")
        self.assertRegex(screen, r"(?m)^ +\+[\d.]+ ms  %s        killed with SIGKILL \(leader\)$" % old)
        self.assertRegex(screen, r"(?m)^ +\+[\d.]+ ms  zoo\d(, zoo\d)? +lost the leader: ")
        self.assertRegex(screen, r"(?m)^ +\+[\d.]+ ms  zoo\d        leads epoch 2$")
        self.assertRegex(screen, r"no write was acknowledged for [\d.]+ ms")
        screen = t.see(r"leader zoo\d, epoch 2   writes go on")
        self.assertRegex(screen, r"(?m)^ %s +- +down" % old)
        t.keys("r")
        t.see(r"key r: restart %s" % old[3:])
        t.see(r"(?m)^ %s +follower +serving" % old)
        t.keys("p")
        t.see(r"(?m)^ zoo\d +\w+ +paused")
        t.see(r"leader zoo\d, epoch 3   writes go on")
        t.keys("p")
        t.see(r"key p: resume \d")
        wait_for("all to serve", lambda: all(s["state"] == "serving" for s in self.servers(folder).values()))
        t.keys("i")
        t.see(r"FAULTS   zoo\d isolated")
        t.keys("h")
        t.see(r"FAULTS   none")
        t.keys("h")
        t.see(r"nothing is broken")
        before = wait_for("a leader", lambda: self.status(folder)["epoch"])
        t.keys("s")
        wait_for("another epoch", lambda: (self.status(folder)["epoch"] or 0) > before)
        t.see(r"leader zoo\d, epoch %d   writes go on" % (before + 1))
        t.keys("q")
        t.see("exit=0")
        # Whoever watches may leave; the cluster stays.
        self.assertEqual(len(self.servers(folder)), 3)

    def test_time_runs_while_writes_are_stopped(self):
        folder = self.up(3)
        t = self.watch(folder)
        self.ok(folder, "kill", "1,2")
        first = re.search(r"no write for ([\d.]+)", t.see(r"no write for [\d.]+ m?s")).group(1)
        t.see(r"no write for (?!%s )[\d.]+ m?s" % re.escape(first))
        t.see(r"no leader, 1 of 3 voters run")
        t.keys("r")
        t.see(r"writes go on")

    def test_other_people_s_faults_are_seen(self):
        folder = self.up(3)
        t = self.watch(folder, width=140, height=40)
        self.ok(folder, "slow", "zoo1", "--delay", "30ms")
        self.ok(folder, "partition", "1", "/", "2")
        t.see(r"FAULTS   zoo1 \| zoo2 parted\n +zoo1 slow: each way 30 ms")
        self.assertRegex(t.see(r"LINKS +cut 2 \+30 ms"), r"LINKS +cut 2 \+30 ms +cut 1")

    def test_another_size(self):
        folder = self.up(3)
        t = self.watch(folder)
        t.see(r"(?m)^ SERVER  ROLE")
        t.tmux("resize-window", "-x", "130", "-y", "40")
        screen = t.see(r"(?m)^ SERVER   zoo1")
        self.assertIn("PID", screen)
        t.tmux("resize-window", "-x", "40", "-y", "8")
        t.see(r"(?m)^ SERVER  ROLE +STATE")
        t.tmux("resize-window", "-x", "80", "-y", "24")
        t.see(r"q quit")

    def test_the_end_of_the_cluster(self):
        folder = self.up(3)
        t = self.watch(folder)
        self.ok(folder, "down")
        t.see("exit=0")
        self.assertIn("the cluster was taken down", t.screen())

    def test_the_terminal_is_as_before(self):
        folder = self.up(3)
        for end in ("q", "C-c", signal.SIGTERM, signal.SIGHUP):
            t = self.watch(folder)
            t.see("TIMELINE")
            if isinstance(end, str):
                t.keys(end)
            else:
                os.kill(t.pid(), end)
            screen = t.see("over")
            self.assertIn("exit=0", screen)
            self.assertNotIn("TIMELINE", screen, "the screen that was there before is there again")
            before, after = wait_for("the settings", t.settings)
            self.assertEqual(before, after, end)
            t.end()


class Lines(Case):
    def follow(self, folder, *args, env=(), tty=False, until=(b"first write acknowledged",)):
        """watch beside a killed leader, until it has said all that it is to say, in any order; what it said."""
        main, slave = pty.openpty() if tty else os.pipe()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0)) if tty else None
        p = subprocess.Popen([program("pseudo-cluster"), "-C", folder, "watch"] + list(args), stdin=slave if tty else subprocess.DEVNULL,
                             stdout=slave, env=dict(self.env, **dict(env)))
        os.close(slave)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)
        said, end = b"", time.monotonic() + DEADLINE
        hit = False
        while not all(words in said for words in until):
            self.assertLess(time.monotonic(), end, said)
            if not select.select([main], [], [], 0.1)[0]:
                continue
            said += os.read(main, 65536)
            if not hit:
                hit = True
                self.ok(folder, "kill", "leader")
        os.close(main)
        return said.decode()

    def test_through_a_pipe(self):
        folder = self.up(3)
        said = self.follow(folder)
        self.assertNotIn("\x1b", said)
        self.assertRegex(said, r"(?m)^\d\d:\d\d:\d\d\.\d{3}  zoo\d    killed with SIGKILL")
        self.assertRegex(said, r"(?m)^\d\d:\d\d:\d\d\.\d{3}  zoo\d    lost the leader: ")

    def test_on_a_terminal_that_cannot(self):
        for args, env in (((), {"TERM": "dumb"}), (("--lines",), {"TERM": "xterm"})):
            folder = self.up(3, "c" + str(len(args)))
            said = self.follow(folder, *args, env=env, tty=True)
            self.assertNotIn("\x1b", said)
            self.assertRegex(said, r"(?m)^\d\d:\d\d:\d\d\.\d{3}  zoo\d    killed with SIGKILL")

    def test_for_programs(self):
        folder = self.up(3)
        said = self.follow(folder, "--json", until=(b'"fact":"session-opened"', b'"fact":"write"'))
        self.assertIn('"fact":"killed"', said)


if __name__ == "__main__":
    harness.main()
