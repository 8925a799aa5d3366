#!/usr/bin/env python3
"""zkserver as zkServer.sh is used: start, status, stop, restart, version; and what it says, in one line and with a status
that is not 0, when it cannot start."""
import os
import re
import signal
import socket
import subprocess

import certs
import harness
from ensemble import DEADLINE, ENGINE, ports, program, wait_for


def zkserver(*args, cwd=None, timeout=DEADLINE):
    """Run a verb to its end; (status, stdout, stderr). A server that it leaves behind must not keep our pipes open."""
    done = subprocess.run([program("zkserver")] + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, cwd=cwd, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        if len(os.listdir("/proc/%d/task" % pid)) > 1:
            return True  # its first thread has ended, and another still holds its files
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return True


class Case(harness.Case):
    def setUp(self):
        if ENGINE == "apache":
            self.skipTest("zkserver's own verbs")

    def single(self, **kw):
        """A standalone member's configuration; what it runs is ended with the test."""
        ens = self.ensemble(1, **kw)
        m = ens[1]
        self.addCleanup(self.end, m)
        return m

    def pid_file(self, m):
        return os.path.join(m.folder, "zookeeper_server.pid")

    def pid(self, m):
        with open(self.pid_file(m)) as f:
            return int(f.read())

    def end(self, m):
        """End what `start` has left running; a child of ours ends with its ensemble."""
        if m.running():
            return
        try:
            os.kill(self.pid(m), signal.SIGKILL)
        except (OSError, ValueError):
            pass

    def word(self, m, word="srvr"):
        """Like Member.word(), for a server that is not our child."""
        try:
            with socket.create_connection(m.address, timeout=5) as s:
                s.sendall(word.encode())
                return b"".join(iter(lambda: s.recv(4096), b"")).decode()
        except OSError:
            return ""


class Verbs(Case):
    def test_start_status_stop(self):
        m = self.single()
        status, out, err = zkserver("start", m.cfg)
        self.assertEqual(status, 0, err)
        self.assertIn("STARTED", out)
        wait_for("the server to serve", lambda: "Mode: standalone" in self.word(m))
        pid = self.pid(m)
        self.assertTrue(alive(pid))

        status, out, err = zkserver("status", m.cfg)
        self.assertEqual(status, 0, err)
        self.assertIn("Mode: standalone", out)
        self.assertIn(str(m.client_port), out)

        status, out, err = zkserver("start", m.cfg)
        self.assertNotEqual(status, 0)
        self.assertIn("already running as process %d" % pid, out + err)

        status, out, err = zkserver("stop", m.cfg)
        self.assertEqual(status, 0, err)
        self.assertIn("STOPPED", out)
        self.assertFalse(alive(pid))
        self.assertEqual(self.word(m), "")
        self.assertFalse(os.path.exists(self.pid_file(m)))

        status, out, err = zkserver("status", m.cfg)
        self.assertEqual(status, 1)
        self.assertIn("Error contacting service. It is probably not running.", out + err)

        status, out, err = zkserver("stop", m.cfg)
        self.assertEqual(status, 0)
        self.assertIn("no zookeeper to stop", out + err)

    def secure_only(self, **options):
        """A member without a clientPort."""
        if not certs.have_openssl():
            self.skipTest("there is no openssl command")
        c, port = certs.certs(), ports.take()
        m = self.single(options=dict({"secureClientPort": port, "ssl.keyStore.location": c["server.pem"],
                                      "ssl.trustStore.location": c["ca.pem"]}, **options))
        with open(m.cfg) as f:
            lines = [l for l in f if not l.startswith("clientPort")]
        with open(m.cfg, "w") as f:
            f.writelines(lines)
        return m, port

    def test_status_of_one_with_a_secure_port_alone(self):
        """Over TLS, as the server itself: whoever has its key store may ask it."""
        for options in ({}, {"ssl.keyStore.password": certs.PASSWORD}):
            if options:
                options["ssl.keyStore.location"] = certs.certs()["server.p12"]
            m, port = self.secure_only(**options)
            self.assertEqual(zkserver("start", m.cfg)[0], 0)
            status, out, err = zkserver("status", m.cfg)
            self.assertEqual(status, 0, out + err)
            self.assertIn("Client port found: %d. Client address: localhost. Client SSL: true." % port, out)
            self.assertIn("Mode: standalone", out)
            self.assertEqual(zkserver("stop", m.cfg)[0], 0)
            status, out, err = zkserver("status", m.cfg)
            self.assertEqual(status, 1)
            self.assertIn("It is probably not running.", out)

    def test_status_where_the_servers_own_certificate_is_no_clients(self):
        m, port = self.secure_only()
        with open(m.cfg) as f:
            text = f.read()
        with open(m.cfg, "w") as f:
            f.write(text.replace(certs.certs()["ca.pem"], certs.certs()["otherca.pem"]))
        self.assertEqual(zkserver("start", m.cfg)[0], 0)
        status, out, err = zkserver("status", m.cfg)
        self.assertEqual(status, 1)
        self.assertRegex(err, r"TLS with it failed: .+; where the admin port is on, ask that")
        self.assertEqual(zkserver("stop", m.cfg)[0], 0)

    def test_restart_keeps_the_data(self):
        m = self.single()
        self.assertEqual(zkserver("restart", m.cfg)[0], 0)
        wait_for("the server to serve", lambda: "Mode: standalone" in self.word(m))
        first = self.pid(m)
        c = self.conn(m.address)
        c.create("/kept", b"data")
        self.assertEqual(zkserver("restart", m.cfg)[0], 0)
        wait_for("the server to serve again", lambda: "Mode: standalone" in self.word(m))
        self.assertNotEqual(self.pid(m), first)
        self.assertFalse(alive(first))
        self.assertEqual(self.conn(m.address).get("/kept")[0], b"data")
        self.assertEqual(zkserver("stop", m.cfg)[0], 0)

    def test_a_pid_file_of_a_dead_process_is_no_obstacle(self):
        m = self.single()
        self.assertEqual(zkserver("start", m.cfg)[0], 0)
        wait_for("the server to serve", lambda: "Mode: standalone" in self.word(m))
        pid = self.pid(m)
        os.kill(pid, signal.SIGKILL)
        wait_for("the server to be gone", lambda: not alive(pid))
        self.assertEqual(zkserver("start", m.cfg)[0], 0)
        wait_for("the server to serve again", lambda: "Mode: standalone" in self.word(m))
        self.assertEqual(zkserver("stop", m.cfg)[0], 0)

    def test_members_of_an_ensemble(self):
        ens = self.ensemble(3)
        for m in ens.members:
            self.addCleanup(self.end, m)
            self.assertEqual(zkserver("start", m.cfg)[0], 0)
        wait_for("all to serve", lambda: all("Mode: " in self.word(m) for m in ens.members))
        modes = []
        for m in ens.members:
            status, out, err = zkserver("status", m.cfg)
            self.assertEqual(status, 0, err)
            modes += re.findall("Mode: (.*)", out)
        self.assertEqual(sorted(modes), ["follower", "follower", "leader"])
        for m in ens.members:
            self.assertEqual(zkserver("stop", m.cfg)[0], 0)

    def test_foreground_ends_well_on_sigterm_and_sigint(self):
        m = self.single()
        for sig in (signal.SIGTERM, signal.SIGINT):
            m.start()
            m.wait_serving()
            with self.subTest(sig.name):
                self.assertIn(m.end(sig), (0, -sig, 128 + sig))

    def test_version_and_help(self):
        status, out, err = zkserver("version")
        self.assertEqual(status, 0, err)
        self.assertRegex(out, r"\d+\.\d+\.\d+")
        status, out, err = zkserver("--help")
        self.assertEqual(status, 0, err)
        for verb in ("start", "start-foreground", "stop", "restart", "status"):
            self.assertIn(verb, out)

    def test_command_lines_that_make_no_sense(self):
        for args in ((), ("nonsense",), ("--nonsense",), ("start", "a", "b", "c")):
            with self.subTest(args):
                status, out, err = zkserver(*args)
                self.assertGreater(status, 0)
                self.assertNotEqual(err.strip(), "")

    def test_a_config_named_relative_to_the_current_folder(self):
        m = self.single()
        status, _, err = zkserver("start", os.path.basename(m.cfg), cwd=os.path.dirname(m.cfg))
        self.assertEqual(status, 0, err)
        wait_for("the server to serve", lambda: "Mode: standalone" in self.word(m))
        self.assertEqual(zkserver("stop", os.path.basename(m.cfg), cwd=os.path.dirname(m.cfg))[0], 0)


class Failures(Case):
    """Each ends start-foreground with a status that is not 0 and one clear line that names what is wrong."""

    def check_failure(self, cfg, pattern, case=""):
        with self.subTest(case or pattern):
            status, out, err = zkserver("start-foreground", cfg, timeout=10)
            self.assertGreater(status, 0, "it ended with %d: %s%s" % (status, out, err))
            lines = [x for x in err.strip().split("\n") if not re.search(" (INFO|WARN) ", x)]
            self.assertEqual(len(lines), 1, "not one clear line: %s" % err)
            self.assertRegex(lines[0], pattern)
            self.assertNotRegex(out + err, "Assertion|Sanitizer|Traceback")

    def edit(self, m, *changes):
        """Replace lines of the zoo.cfg: (key, value), value None to leave the line away."""
        with open(m.cfg) as f:
            lines = f.read().split("\n")
        for key, value in changes:
            lines = [x for x in lines if not x.startswith(key + "=")]
            if value is not None:
                lines.append("%s=%s" % (key, value))
        with open(m.cfg, "w") as f:
            f.write("\n".join(lines) + "\n")

    def test_a_config_that_is_not_there(self):
        m = self.single()
        self.check_failure(m.cfg + ".none", r"\.none")
        self.check_failure(m.folder, re.escape(m.folder))

    def test_configs_that_make_no_sense(self):
        for changes, pattern in (([("dataDir", None)], "dataDir"),
                                 ([("clientPort", "many")], "clientPort"),
                                 ([("clientPort", "70000")], "clientPort"),
                                 ([("tickTime", "0")], "tickTime"),
                                 ([("tickTime", "soon")], "tickTime"),
                                 ([("minSessionTimeout", "5000"), ("maxSessionTimeout", "4000")], "SessionTimeout"),
                                 ([("electionAlg", "1")], "electionAlg"),
                                 ([("server.1", "nonsense")], r"server\.1"),
                                 ([("server.1", "127.0.0.1:1:2"), ("server.x", "127.0.0.1:3:4")], r"server\.x")):
            m = self.single()
            self.edit(m, *changes)
            self.check_failure(m.cfg, pattern)

    def test_limits_missing_in_an_ensemble(self):
        for key in ("initLimit", "syncLimit"):
            ens = self.ensemble(3)
            self.edit(ens[1], (key, None))
            self.check_failure(ens[1].cfg, key)

    def test_a_missing_myid(self):
        ens = self.ensemble(3)
        os.unlink(os.path.join(ens[1].folder, "myid"))
        self.check_failure(ens[1].cfg, "myid")

    def test_a_myid_that_is_no_number_or_not_in_the_list(self):
        for text in ("", "one\n", "9\n", "-1\n"):
            self.check_myid(text)

    def test_a_myid_with_more_than_a_number(self):
        self.check_myid("1 2\n")

    def check_myid(self, text):
        ens = self.ensemble(3)
        with open(os.path.join(ens[1].folder, "myid"), "w") as f:
            f.write(text)
        self.check_failure(ens[1].cfg, "myid", repr(text))

    def busy(self, port):
        s = socket.socket()
        self.addCleanup(s.close)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection of an earlier test may linger
        s.bind(("127.0.0.1", port))
        s.listen(1)
        return s

    def test_a_busy_client_port(self):
        m = self.single()
        self.busy(m.client_port)
        self.check_failure(m.cfg, str(m.client_port))

    def test_a_busy_election_port(self):
        ens = self.ensemble(3)
        self.busy(ens[1].election_port)
        self.check_failure(ens[1].cfg, str(ens[1].election_port))

    def test_a_data_folder_that_cannot_be_written(self):
        m = self.single()
        a_file = os.path.join(m.folder, "a-file")
        with open(a_file, "w") as f:
            f.write("in the way")
        for folder in (a_file, os.path.join(a_file, "below")) + (("/proc/none",) if os.path.isdir("/proc/self") else ()):
            self.edit(m, ("dataDir", folder))
            self.check_failure(m.cfg, re.escape(folder))
            self.edit(m, ("dataDir", m.folder), ("dataLogDir", folder))
            self.check_failure(m.cfg, re.escape(folder))
            self.edit(m, ("dataLogDir", None))

    def test_a_log_that_is_no_database(self):
        m = self.single()
        with open(os.path.join(m.folder, "log.db"), "wb") as f:
            f.write(b"this is no database, but long enough to be taken for one\n" * 200)
        self.check_failure(m.cfg, r"log\.db")

    def test_two_servers_in_one_data_folder(self):
        m = self.single()
        m.start()
        m.wait_serving()
        other = os.path.join(os.path.dirname(m.cfg), "other.cfg")
        with open(m.cfg) as f:
            text = f.read()
        with open(other, "w") as f:
            f.write(text.replace("clientPort=%d" % m.client_port, "clientPort=%d" % ports.take()))
        self.check_failure(other, re.escape(m.folder))
        self.assertEqual(m.mode(), "standalone")

    def test_start_reports_a_server_that_does_not_come_up(self):
        m = self.single()
        self.busy(m.client_port)
        status, out, err = zkserver("start", m.cfg)
        self.assertGreater(status, 0)
        self.assertRegex(out + err, "FAILED TO START|%d" % m.client_port)


if __name__ == "__main__":
    harness.main()
