#!/usr/bin/env python3
"""attach: an ensemble that somebody else runs (servers started without the launcher), looked at and left alone."""
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import ensemble
import harness
import test_launcher
from ensemble import program, wait_for

from kazoo.security import make_digest_acl  # found by harness

NOT_ALLOWED = b"%s is not executed because it is not in the whitelist.\n"
REFUSED = "it is only looked at"
SECRET = "joes-secret"


class Fake:
    """Listens and treats each connection as it is told; every word that it hears is kept."""

    def __init__(self, answer):
        self.answer, self.words, self.held = answer, [], []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.hosts = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.listener.accept()
                word = s.recv(4)
                self.words.append(word)
                answer = self.answer(word)
                if answer is None:
                    self.held.append(s)
                    continue
                s.sendall(answer)
                s.close()

    def close(self):
        self.listener.close()
        for s in self.held:
            s.close()


class Case(test_launcher.Case):
    engines = None

    def foreign(self, n=3, **kw):
        ens = self.ensemble(n, engines=self.engines, **kw)
        return ens.start()

    def fake(self, answer):
        fake = Fake(answer)
        self.addCleanup(fake.close)
        return fake

    def attach(self, hosts, *args, status=0):
        folder = self.cluster("a")
        code, self.out, self.err = self.pc(folder, "attach", hosts, *args)
        self.assertEqual(code, status, self.out + self.err)
        return folder

    def zxids(self, ens):
        return [m.zxid() for m in ens.members]

    def names(self, ens):
        """The servers' names as attach has them: conf tells their ids."""
        return [m.name for m in ens.members]

    def watch(self, folder, *args):
        """What watch prints from now on, as a function that gives it so far."""
        path = os.path.join(self.folder, "watched%s" % "".join(args))
        with open(path, "w") as out:
            p = subprocess.Popen([program("pseudo-cluster"), "-C", folder, "watch"] + list(args), stdout=out, env=self.env,
                                 stdin=subprocess.DEVNULL)
        self.addCleanup(p.wait)
        self.addCleanup(p.terminate)

        def so_far():
            with open(path) as f:
                return f.read()
        wait_for("watch to begin", so_far)
        return so_far

    def incidents(self, folder):
        return [json.loads(line) for line in self.ok(folder, "timeline", "--json").splitlines()]

    def tree(self, folder, *args):
        lines = [json.loads(line) for line in self.ok(folder, "tree", "--json", *args).splitlines()]
        return lines[0], {z["path"]: z for z in lines[1:]}

    def fill(self, ens):
        zk = self.kazoo(ens.hosts)
        zk.add_auth("digest", "joe:" + SECRET)
        zk.create("/app", b"text")
        zk.create("/app/binary", b"\x00\xff")
        zk.create("/app/passing", b"e", ephemeral=True)
        zk.create("/private", b"hidden", acl=[make_digest_acl("joe", SECRET, all=True)])
        zk.create("/private/below", b"deep", acl=[make_digest_acl("joe", SECRET, all=True)])
        for i in range(300):
            zk.create("/app/n%03d" % i, b"x" * i)
        for m in ens.members:
            at = self.kazoo(m.hosts)
            at.sync("/")
            wait_for("all at " + m.name, lambda at=at: at.exists("/app/n299"))
            at.stop()
        return zk


class Looking(Case):
    def test_all_that_only_asks_makes_no_transaction(self):
        ens = self.foreign(3, observers=1)
        before = self.zxids(ens)
        folder = self.attach(ens.hosts)
        self.assertRegex(self.out, r"(?m)^attached, read-only: 4 servers, leader zoo\d, epoch \d+$")
        self.assertRegex(self.out, r"(?m) ENGINE +VERSION$")
        self.assertNotIn("kill", self.out)
        status = self.status(folder)
        self.assertEqual([s["name"] for s in status["servers"]], self.names(ens))
        self.assertEqual([s["role"] for s in status["servers"]], [m.mode() for m in ens.members])
        self.assertEqual({(s["state"], s["engine"]) for s in status["servers"]},
                         {("serving", "apache" if self.engines else "zkserver")})
        self.assertEqual({s["pid"] for s in status["servers"]} | {s["quorum"] for s in status["servers"]}, {None})
        self.assertEqual((status["voters"], status["attached"], status["probe"]), (3, ens.hosts, False))
        watched = self.watch(folder, "--json")
        self.assertIn('"cluster"', watched())
        for verb in (["timeline"], ["why"], ["wait", "serving"], ["wait", "leader"], ["env"], ["ps"], ["status"],
                     ["assert", "serving", "=", "4"], ["assert", "running", "=", "4"],
                     ["assert", "outage", "=", "0s"], ["attach", ens.hosts]):
            self.ok(folder, *verb)
        wait_for("counters", lambda: all(s["sessions"] == 0 for s in self.status(folder)["servers"]))
        self.assertEqual(self.zxids(ens), before)
        self.assertIn(ens.hosts, self.ok(folder, "env"))
        self.assertIn(folder, self.ok(folder, "ps"))

    def test_a_leader_that_is_killed(self):
        ens = self.foreign()
        folder = self.attach(ens.hosts)
        lines, facts = self.watch(folder, "--lines"), self.watch(folder, "--json")
        old = ens.leader()
        old.kill()
        wait_for("its loss in lines", lambda: re.search(r"%s +cannot be reached: connection refused \(was leader\)" % old.name,
                                                        lines()))
        ens.wait_serving()
        new = ens.leader()
        wait_for("the next one in lines", lambda: re.search(r"%s +is seen to lead" % new.name, lines()))
        self.ok(folder, "wait", "serving")
        told = [json.loads(line) for line in facts().splitlines()]
        lost = next(f for f in told if f["fact"] == "unreachable")
        self.assertEqual((lost["sid"], lost["role"]), (old.sid, "leader"))
        self.assertGreater(lost["within_us"], 0)
        self.assertIn(old.sid, [f["sid"] for f in told if f["fact"] == "unreachable"])
        incident = self.incidents(folder)[-1]
        self.assertEqual((incident["kind"], incident["leader_before"], incident["leader"]), ("unreachable", old.sid, new.sid))
        self.assertEqual((incident["writes_stopped"], incident["over"], incident["outage_us"]), (True, True, None))
        self.assertGreaterEqual(incident["leaderless_us"], 0)
        text = " ".join(self.ok(folder, "timeline").split())
        self.assertIn("nothing was written, so that it is not known when writes were acknowledged", text)
        self.assertIn("seen by asking now and then", text)
        why = json.loads(self.ok(folder, "why", "--json"))
        self.assertEqual([(c["cause"], c["server"]) for c in why["causes"]], [("unreachable", old.sid)])
        self.assertEqual(why["remedies"], [])
        status, _, err = self.pc(folder, "assert", "outage", "<", "600s")
        self.assertEqual((status, "attach --probe" in err), (1, True), err)
        self.assertEqual(self.servers(folder)[old.name]["state"], "unreachable")
        old.start()
        wait_for("its return", lambda: self.servers(folder)[old.name]["serving"])
        self.assertEqual(self.incidents(folder)[-1]["kind"], "reachable")

    def test_a_server_that_hangs(self):
        ens = self.foreign()
        folder = self.attach(ens.hosts)
        slow = ens.followers()[0]
        slow.pause()
        began = time.monotonic()
        status, out, err = self.pc(folder, "diff", slow.name, "leader")
        self.assertEqual(status, 4, out + err)
        self.assertRegex(err, r"%s .*granted no session within 5 s" % slow.name)
        self.assertLess(time.monotonic() - began, 20)
        wait_for("it to be missed", lambda: self.servers(folder)[slow.name]["state"] == "unreachable")
        self.assertIn("does not answer", self.servers(folder)[slow.name]["last"])
        self.ok(folder, "diff", *[m.name for m in ens.members if m is not slow])
        slow.resume()
        wait_for("its return", lambda: self.servers(folder)[slow.name]["serving"])
        self.ok(folder, "diff", slow.name, "leader")

    def test_a_probe_knows_the_outage(self):
        ens = self.foreign()
        leader = ens.leader()
        before = leader.zxid()
        folder = self.attach(ens.hosts, "--probe")
        wait_for("the first probe", lambda: leader.zxid() - before == 2)
        self.assertTrue(self.status(folder)["probe"])
        leader.kill()
        incident = wait_for("the end of it", lambda: next((i for i in self.incidents(folder) if i["kind"] == "unreachable"
                                                           and i["over"] and i["probe_us"]), None))
        self.assertGreaterEqual(incident["outage_us"], incident["probe_us"])
        self.ok(folder, "assert", "outage", ">", "0ms")
        self.ok(folder, "assert", "outage", "<", "20s")
        self.assertIn("a probe's write was acknowledged", self.ok(folder, "timeline"))

    def test_down_ends_the_watching_alone(self):
        ens = self.foreign()
        pids = [m.process.pid for m in ens.members]
        folder = self.attach(ens.hosts)
        supervisor = self.status(folder)["supervisor"]
        self.ok(folder, "down")
        wait_for("the supervisor's end", lambda: not test_launcher.alive(supervisor))
        self.assertEqual([m.process.pid for m in ens.members if m.running()], pids)
        self.assertEqual([i["kind"] for i in self.incidents(folder)], ["attach"])
        self.assertIn("attach " + ens.hosts, " ".join(self.ok(folder, "why").split()))
        status, _, err = self.pc(folder, "status")
        self.assertEqual(status, 3)
        self.assertIn("attach it again", err)
        self.attach(ens.hosts)
        supervisor = self.status(folder)["supervisor"]
        os.kill(supervisor, signal.SIGKILL)
        wait_for("the supervisor's end", lambda: not test_launcher.alive(supervisor))
        self.assertEqual([m.process.pid for m in ens.members if m.running()], pids)
        self.attach(ens.hosts)
        self.ok(folder, "down", "--clean")
        self.assertEqual([f for _, _, files in os.walk(folder) for f in files if f != "up.lock"], [])


class Reading(Case):
    def test_trees(self):
        ens = self.foreign()
        self.fill(ens)
        folder = self.attach(ens.hosts)
        before = ens[1].zxid()
        head, znodes = self.tree(folder, "--server", "zoo1")
        self.assertEqual(ens[1].zxid() - before, 2, "a session is made and closed, and nothing else")
        self.assertEqual((head["server"], head["unreadable"], head["sessions"]), ("zoo1", 1, None))
        self.assertEqual((znodes["/app"]["data"], znodes["/app/binary"]["base64"]), ("text", "AP8="))
        self.assertEqual((znodes["/app/passing"]["kind"], znodes["/app"]["stat"]["children"]), ("ephemeral", 302))
        self.assertEqual(znodes["/app/n299"]["data"], "x" * 299)
        zk = self.kazoo(ens[1].hosts)
        stat = zk.exists("/app")
        for ours, theirs in (("cversion", stat.cversion), ("version", stat.version), ("ctime", stat.ctime),
                             ("czxid", hex(stat.czxid)), ("pzxid", hex(stat.pzxid))):
            self.assertEqual(znodes["/app"]["stat"][ours], theirs, ours)
        self.assertTrue(znodes["/private"]["unreadable"])
        self.assertNotIn("data", znodes["/private"])
        self.assertNotIn("/private/below", znodes)
        self.assertRegex(self.ok(folder, "tree", "/private"), r"(?m)1 of them unreadable \(--auth\)$\n\n/private  unreadable$")
        secrets = os.path.join(self.folder, "secrets")
        with open(secrets, "w") as f:
            f.write("# of joe\ndigest:joe:%s\n" % SECRET)
        for args, env in ((["--auth", "digest:joe:" + SECRET], None), (["--auth", "@" + secrets], None),
                          ([], "digest:joe:" + SECRET), ([], "@" + secrets)):
            self.env.pop("PSEUDO_CLUSTER_AUTH", None)
            if env:
                self.env["PSEUDO_CLUSTER_AUTH"] = env
            out = self.ok(folder, "tree", "/private", *args)
            self.assertRegex(out, r"(?m)^/private  'hidden'  acl digest:joe:\S+:cdrwa$\n  below  'deep'")
            self.assertNotIn(SECRET, out)
        self.env.pop("PSEUDO_CLUSTER_AUTH", None)
        status, _, err = self.pc(folder, "tree", "--auth", SECRET)
        self.assertEqual(status, 2)
        self.assertNotIn(SECRET, err)

    def test_differences(self):
        ens = self.foreign()
        zk = self.fill(ens)
        folder = self.attach(ens.hosts)
        before = ens.leader().zxid()
        told = json.loads(self.ok(folder, "diff", "zoo1", "zoo3", "--json"))
        self.assertEqual(ens.leader().zxid() - before, 4, "a session with each of the two")
        self.assertEqual((told["equal"], told["znodes"], told["unreadable"]), (True, [], {"zoo1": 1, "zoo3": 1}))
        # While somebody goes on writing, what has just changed is no difference.
        stop, rounds = threading.Event(), []

        def write():
            while not stop.is_set():
                n = len(rounds)
                zk.set("/app/n%03d" % (n % 300), b"%d" % n)
                if n % 10 == 0:
                    zk.create("/app/new%d" % n)
                rounds.append(n)
        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(5):
                self.assertEqual(json.loads(self.pc(folder, "diff", "1", "2", "--json")[1])["znodes"][3:], [])
        finally:
            stop.set()
            writer.join()
        self.assertGreater(len(rounds), 10)
        self.assertTrue(json.loads(self.ok(folder, "diff", "1", "2", "--json"))["equal"])

    def test_a_server_without_a_quorum(self):
        ens = self.foreign(options={"readonlymode.enabled": "true", "localSessionsEnabled": "true",
                                    "localSessionsUpgradingEnabled": "true"},
                           properties=["readonlymode.enabled=true"])
        self.fill(ens)
        folder = self.attach(ens.hosts)
        before = ens.leader().zxid()
        self.tree(folder)
        self.assertEqual(ens.leader().zxid(), before, "a local session is no transaction")
        last = ens.followers()[0]
        for m in ens.members:
            if m is not last:
                m.kill()
        wait_for("its state", lambda: self.servers(folder)[last.name]["state"] == "read-only")
        before = last.zxid()
        head, znodes = self.tree(folder)
        self.assertEqual((head["server"], znodes["/app"]["data"]), (last.name, "text"))
        self.assertEqual(last.zxid(), before, "a session with it is no transaction")
        self.assertIn("1 of 3 voters can be asked", " ".join(self.ok(folder, "why").split()))

    def test_an_export(self):
        ens = self.foreign()
        self.fill(ens)
        folder = self.attach(ens.hosts)
        path = os.path.join(self.folder, "all.json")
        self.assertIn("1 unreadable left out (--auth)", self.ok(folder, "export", path))
        self.ok(folder, "export", path, "--auth", "digest:joe:" + SECRET)
        own = self.up(1, name="own")
        self.ok(own, "import", path, "--auth", "digest:joe:" + SECRET)
        zk = self.kazoo(self.status(own)["connect"])
        self.assertEqual(zk.get("/app/n123")[0], b"x" * 123)
        self.assertEqual(zk.exists("/private").numChildren, 1)


class Refusals(Case):
    VERBS = ("up", "kill leader", "kill 1 --power-loss", "stop 1", "restart all", "pause 1", "resume 1", "partition 1 / 2",
             "isolate 1", "heal", "slow 1 --delay 5ms", "drop-clients 1", "disk 1 full", "expire --all", "stepdown",
             "clock 1 +5s", "save s", "save --list", "reset s", "import x.json", "import --apache x", "export --apache x", "log",
             "logs", "torture --here", "tree --at 0x1", "diff 1 2 --at 0x1", "diff 1 2 --common")

    def test_whatever_would_change_something(self):
        ens = self.foreign()
        folder = self.attach(ens.hosts)
        before, pids = self.zxids(ens), [m.process.pid for m in ens.members]
        for verb in self.VERBS:
            with self.subTest(verb):
                status, out, err = self.pc(folder, *verb.split())
                self.assertEqual((status, out), (4, ""), err)
                self.assertRegex(err, REFUSED + "|are not here")
                self.assertEqual(err.count("\n"), 1, err)
        self.assertEqual(self.zxids(ens), before)
        self.assertEqual([m.process.pid for m in ens.members if m.running()], pids)

    def test_a_folder_is_for_one_thing(self):
        ens = self.foreign()
        folder = self.attach(ens.hosts)
        self.assertEqual(self.pc(folder, "attach", "127.0.0.1:1")[0], 4)
        self.assertIn("without --probe", self.pc(folder, "attach", ens.hosts, "--probe")[2])
        self.ok(folder, "down")
        status, _, err = self.pc(folder, "up", "3")
        self.assertEqual(status, 4)
        self.assertIn(REFUSED, err)
        own = self.up(1, name="own")
        for _ in range(2):
            status, _, err = self.pc(own, "attach", ens.hosts)
            self.assertEqual(status, 4)
            self.assertIn("of this launcher's own", err)
            self.ok(own, "down")

    def test_without_a_name_it_is_none_of_ones_own(self):
        ens = self.foreign()
        own = self.up(1, name="own")
        self.env["PSEUDO_CLUSTER_DIR"] = own
        self.addCleanup(self.pc, None, "--name", "attached", "down")
        self.assertIn("--name attached", self.ok(None, "attach", ens.hosts))
        self.assertEqual(len(json.loads(self.ok(None, "status", "--json"))["servers"]), 1)
        self.assertEqual(len(json.loads(self.ok(None, "--name", "attached", "status", "--json"))["servers"]), 3)


class Who(Case):
    def test_servers_that_cannot_be_asked(self):
        ens = self.foreign()
        gone = ens.followers()[0]
        gone.stop()
        mute = self.fake(lambda word: None)
        shut = self.fake(lambda word: NOT_ALLOWED % word)
        tls = self.fake(lambda word: b"")
        began = time.monotonic()
        folder = self.attach(",".join([ens.hosts, mute.hosts, shut.hosts, tls.hosts, "no-such-name.invalid:2181"]), status=4)
        self.assertLess(time.monotonic() - began, 15)
        rows = {s["client"]: s for s in self.status(folder)["servers"]}
        self.assertEqual({rows[m.hosts]["state"] for m in ens.members if m is not gone}, {"serving"})
        for hosts, reason in ((gone.hosts, "connection refused"), (mute.hosts, "does not answer within 2.0 s"),
                              (shut.hosts, "whitelisted"), (tls.hosts, "TLS port"),
                              ("no-such-name.invalid:2181", "not known here")):
            self.assertEqual(rows[hosts]["state"], "unreachable")
            self.assertIn(reason, rows[hosts]["last"])
            self.assertIn(rows[hosts]["last"], self.out)
        self.assertEqual(shut.words[:3], [b"srvr", b"stat", b"mntr"])

    def test_nobody_can_be_asked(self):
        self.attach("127.0.0.1:1,no-such-name.invalid", status=1)
        self.assertRegex(self.err, r"127\.0\.0\.1:1: connection refused; no-such-name\.invalid:2181: .* is not known here")
        self.assertEqual(os.listdir(os.path.join(self.folder, "a")), [])
        for hosts in ("", "a:b", "a:0"):
            self.attach(hosts, status=2)

    def test_ids_and_those_who_were_not_named(self):
        ens = self.foreign()
        order = [ens[3], ens[1], ens[2]]
        folder = self.attach(",".join(m.hosts for m in order))
        self.assertEqual([s["client"] for s in self.status(folder)["servers"]], [m.hosts for m in ens.members])
        self.ok(folder, "down")
        self.attach(ens[2].hosts)
        self.assertRegex(self.out, r"also of the ensemble, .*: zoo1 \(127\.0\.0\.1\), zoo3 \(127\.0\.0\.1\); name it, too")
        self.ok(folder, "down")
        self.attach("%s,localhost:%d/chroot" % (ens[1].hosts, ens[1].client_port))
        self.assertIn("is zoo1, as 127.0.0.1:%d is: left out" % ens[1].client_port, self.out)

    def test_who_was_not_named_is_looked_at(self):
        ens = self.foreign(1)
        srvr = b"Zookeeper version: 3.8.0-x, built on y\nOutstanding: 0\nZxid: 0x1\nMode: follower\nNode count: 5\n"
        conf = "serverId=1\nmembership: \nserver.1=127.0.0.1:1:2:participant;%s\nserver.7=127.0.0.1:3:4:participant;%s\n"
        fake = self.fake(lambda word: {b"srvr": srvr, b"conf": (conf % (fake.hosts, ens[1].hosts)).encode()}
                         .get(word, NOT_ALLOWED % word))
        folder = self.attach(fake.hosts)
        self.assertIn("zoo7 not named, but of the ensemble", self.out)
        self.assertEqual({n: (s["client"], s["engine"]) for n, s in self.servers(folder).items()},
                         {"zoo1": (fake.hosts, "apache"), "zoo7": (ens[1].hosts, "zkserver")})

    def test_ids_without_conf(self):
        ens = self.foreign(options={"4lw.commands.whitelist": "ruok"})
        before = self.zxids(ens)
        folder = self.attach(",".join(m.hosts for m in reversed(ens.members)))
        self.assertIn("only the order", self.out)
        self.assertEqual([s["client"] for s in self.status(folder)["servers"]], [m.hosts for m in reversed(ens.members)])
        self.assertEqual(self.zxids(ens), before)

    def test_an_old_server_is_asked_by_what_it_allows(self):
        old = (b"Zookeeper version: 3.4.14-4c25d480e66aadd371de8bd2fd8da255ac140bcf, built on 03/06/2019 16:18 GMT\nClients:\n"
               b" /127.0.0.1:1[0](queued=0,recved=1,sent=0)\n\nLatency min/avg/max: 0/0/0\nReceived: 2\nSent: 1\n"
               b"Connections: 1\nOutstanding: 0\nZxid: 0x500000007\nMode: standalone\nNode count: 4\n")
        stat = self.fake(lambda word: old if word == b"stat" else NOT_ALLOWED % word)
        folder = self.attach(stat.hosts)
        row, = self.status(folder)["servers"]
        self.assertEqual((row["role"], row["version"], row["zxid"]), ("standalone", "3.4.14", "0x500000007"))
        self.ok(folder, "down")
        mntr = self.fake(lambda word: b"zk_version\t3.9.2-abc, built on x\nzk_server_state\tleader\nzk_znode_count\t9\n"
                         if word == b"mntr" else NOT_ALLOWED % word)
        folder = self.attach(mntr.hosts)
        row, = self.status(folder)["servers"]
        self.assertEqual((row["role"], row["version"], row["znodes"]), ("leader", "3.9.2", 9))
        self.assertLessEqual(set(stat.words + mntr.words), {b"srvr", b"stat", b"mntr", b"conf"})


class Apache:
    """The same of Apache ZooKeeper, where there is one."""
    engines = ["apache"] * 4

    def setUp(self):
        super().setUp()
        try:
            ensemble.apache_command("zoo.cfg")
        except ensemble.NotAvailable as e:
            self.skipTest(str(e))


class ApacheLooking(Apache, Looking):
    pass


class ApacheReading(Apache, Reading):
    pass


if __name__ == "__main__":
    harness.main()
