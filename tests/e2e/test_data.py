#!/usr/bin/env python3
"""What servers hold: tree, log, diff; save and reset; export and import, as JSON and as Apache ZooKeeper's own files, which
Apache itself writes and reads."""
import glob
import gzip
import json
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import threading
import time
import zlib

import ensemble
import harness
import load
import test_launcher
import wire
from ensemble import DEADLINE, program, wait_for
from kazoo.client import KazooState
from kazoo.security import make_digest_acl, make_acl

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop"))
import mixed  # noqa: E402

AUTH = ("joe:secret", "ann:secret")
CREATE_TTL, CREATE_CONTAINER = 21, 19


class Case(test_launcher.Case):
    def zk(self, folder, **kw):
        zk = self.kazoo(self.status(folder)["connect"], timeout=20.0, **kw)
        return zk

    def refused(self, folder, *args, code=4):
        status, out, err = self.pc(folder, *args)
        self.assertEqual(status, code, "%s: %s%s" % (args, out, err))
        self.assertNotEqual(err.strip(), "")
        return err

    def lines(self, folder, *args):
        return [json.loads(line) for line in self.ok(folder, *args, "--json").splitlines()]

    def address(self, row):
        host, port = row["client"].rsplit(":", 1)
        return host, int(port)

    def everything(self, folder, skip=("/zookeeper",)):
        """What every server tells a client of all znodes: data, stat, ACL. Alike on all of them."""
        trees = {name: mixed.read_all(self.address(row), AUTH, skip=skip) for name, row in self.servers(folder).items()}
        first = min(trees)
        for name, tree in trees.items():
            self.assertEqual(tree, trees[first], "%s and %s differ" % (name, first))
        return trees[first]

    def fill(self, zk):
        """Some of everything that a tree can hold."""
        zk.create("/app/config", b"x=1\n", makepath=True)
        zk.set("/app/config", b"x=2\n")
        zk.create("/app/bin", b"\xff\x00\x01" * 20)
        zk.create("/app/empty", b"")
        zk.create("/app/\u00fcml", "\u00e4\u20ac".encode())
        zk.create("/app/secret", b"s", acl=[make_digest_acl("joe", "secret", all=True)])
        zk.create("/app/closed", b"c", acl=[make_acl("world", "anyone", read=True)])
        for i in range(3):
            zk.create("/app/seq-", b"%d" % i, sequence=True)
        zk.delete("/app/seq-0000000001") if zk.exists("/app/seq-0000000001") else None


class Read(Case):
    def test_tree_says_what_is_there_and_what_was(self):
        folder = self.up(3)
        zk = self.zk(folder)
        self.fill(zk)
        zk.create("/eph", b"", ephemeral=True)
        before = zk.exists("/app/config").mzxid
        zk.set("/app/config", b"x=3")
        out = self.ok(folder, "tree")
        self.assertRegex(out, r"(?m)^zoo\d, from its files: zxid 0x1[0-9a-f]+, epoch 1, \d+ znodes, 1 session$")
        self.assertRegex(out, r"(?m)^    config  'x=3'$")
        self.assertRegex(out, r"(?m)^    secret  's'  acl digest:joe:.*:cdrwa$")
        self.assertRegex(out, r"(?m)^    bin  0xff0001.*\(60 bytes\)$")
        self.assertRegex(out, r"(?m)^  eph  ''  ephemeral of 0x[0-9a-f]+$")
        self.assertIn("'x=2\\n'", self.ok(folder, "tree", "/app", "--at", "0x%x" % before))
        self.assertNotIn("config", self.ok(folder, "tree", "/", "--at", "0x100000003").replace("/config", "")
                         .split("zookeeper")[0])
        for name in self.servers(folder):
            self.assertIn("'x=3'", self.ok(folder, "tree", "--server", name))
        self.assertIn("'x=3'", self.ok(folder, "tree", "--server", "leader"))

        rows = self.lines(folder, "tree")
        znodes = {r["path"]: r for r in rows[1:]}
        self.assertEqual(rows[0]["znodes"], len(znodes))
        told = zk.exists("/app/config")
        stat = znodes["/app/config"]["stat"]
        self.assertEqual([int(stat["czxid"], 16), int(stat["mzxid"], 16), stat["version"], stat["mtime"]],
                         [told.czxid, told.mzxid, told.version, told.mtime])
        self.assertEqual(znodes["/app/config"]["data"], "x=3")
        self.assertIn("base64", znodes["/app/bin"])
        self.assertEqual(int(znodes["/eph"]["owner"], 16), zk.client_id[0])
        for path in ("/app", "/", "/app/\u00fcml"):
            told = zk.exists(path)
            stat = znodes[path]["stat"]
            self.assertEqual([stat["cversion"], stat["children"], int(stat["pzxid"], 16)],
                             [told.cversion, told.children_count, told.pzxid], path)

        self.refused(folder, "tree", "/nowhere")
        self.assertIn("nothing after", self.refused(folder, "tree", "--at", "0x900000000"))
        self.refused(folder, "tree", "--server", "9")
        self.ok(folder, "down")
        files = sorted(os.listdir(os.path.join(folder, "data", "zoo1")))
        self.assertIn("'x=3'", self.ok(folder, "tree"))
        self.assertEqual(sorted(os.listdir(os.path.join(folder, "data", "zoo1"))), files)
        self.assertIn("no leader", self.refused(folder, "tree", "--server", "leader"))

    def test_what_is_purged_is_said_to_be(self):
        folder = self.up(1)
        zk = self.zk(folder)
        zk.create("/old", b"1")
        early = zk.exists("/old").czxid
        zk.stop()
        self.ok(folder, "down")
        # Two states later nothing is left of the first.
        self.ok(folder, "save", "s")
        self.ok(folder, "reset", "s")
        self.assertIn("purged", self.refused(folder, "tree", "--at", "0x%x" % (early - 1)))
        self.assertIn("purged", self.refused(folder, "log", "--since", "0x1"))
        self.assertIn("old", self.ok(folder, "tree"))

    def test_log_tells_transactions_by_path_and_session(self):
        folder = self.up(3)
        zk = self.zk(folder)
        self.fill(zk)
        sid = zk.client_id[0]
        with zk.transaction() as t:
            t.create("/m", b"1")
            t.set_data("/m", b"2")
            t.delete("/m")
        other = self.zk(folder)
        other.create("/other", b"o", ephemeral=True)
        other.stop()
        out = self.ok(folder, "log")
        self.assertRegex(out, r"(?m)^0x1[0-9a-f]+  \d{4}-\d\d-\d\dT[\d:.]+Z  0x%x  setData /app/config 'x=2\\n' version 1$" % sid)
        self.assertRegex(out, r"multi of 3\n    create /m '1'\n    setData /m '2' version 1\n    delete /m\n")
        self.assertRegex(out, r"closeSession deletes /other")
        rows = self.lines(folder, "log", "--path", "/app/config")
        self.assertEqual([r["type"] for r in rows], ["create", "setData"])
        self.assertEqual({r["session"] for r in rows}, {"0x%x" % sid})
        self.assertEqual(rows[1]["data"], "x=2\n")
        self.assertEqual([r["type"] for r in self.lines(folder, "log", "--path", "/m")], ["multi"])
        self.assertEqual([r["type"] for r in self.lines(folder, "log", "--path", "/other")], ["create", "closeSession"])
        mine = self.lines(folder, "log", "--session", "0x%x" % sid)
        self.assertEqual(mine[0]["type"], "createSession")
        self.assertEqual({r["session"] for r in mine}, {"0x%x" % sid})
        since = self.lines(folder, "log", "--since", rows[1]["zxid"])
        self.assertEqual(since[0]["zxid"], rows[1]["zxid"])
        self.assertEqual(self.lines(folder, "log", "--server", "1"), self.lines(folder, "log", "--server", "3"))

    def test_log_follows(self):
        folder = self.up(3)
        zk = self.zk(folder)
        zk.create("/f", b"")
        process = subprocess.Popen([program("pseudo-cluster"), "-C", folder, "log", "--follow", "--json", "--path", "/f"],
                                   stdout=subprocess.PIPE, text=True, env=self.env, stdin=subprocess.DEVNULL)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertEqual(json.loads(process.stdout.readline())["type"], "create")
        for i in range(50):
            zk.set("/f", b"%d" % i)
            self.assertEqual(json.loads(process.stdout.readline())["data"], "%d" % i)
        self.ok(folder, "restart", "leader")
        zk.retry(zk.set, "/f", b"after")
        self.assertEqual(json.loads(process.stdout.readline())["data"], "after")

    def test_diff_finds_what_differs_and_nothing_else(self):
        folder = self.up(3)
        zk = self.zk(folder)
        self.fill(zk)
        path = zk.create("/x", b"1")
        wait_for("all to have it", lambda: self.pc(folder, "diff", "zoo1", "zoo3")[0] == 0)
        self.assertIn("equal", self.ok(folder, "diff", "1", "2"))
        last = next(s for s in self.servers(folder).values() if s["role"] == "follower")["name"]
        other = next(s for s in self.servers(folder) if s != last)
        zk.stop()
        wait_for("all to have it", lambda: self.pc(folder, "diff", "--common", last, other)[0] == 0)
        self.ok(folder, "stop", last)
        zk = self.zk(folder)
        zk.set("/x", b"2")
        zk.create("/y", b"")
        zk.set_acls("/app/empty", [make_acl("world", "anyone", read=True)])
        zk.delete("/app/closed")
        status, out, err = self.pc(folder, "diff", last, other)
        self.assertEqual(status, 1, out + err)
        self.assertRegex(out, r"(?m)^  /y  only in %s: ''$" % other)
        self.assertRegex(out, r"(?m)^  /app/closed  only in %s: 'c'$" % last)
        self.assertRegex(out, r"(?m)^      data      %s '1'  %s '2'$" % (last, other))
        self.assertRegex(out, r"(?m)^      acl       %s world:anyone:cdrwa  %s world:anyone:r$" % (last, other))
        self.assertRegex(out, r"(?m)^  %s lacks \d+ transactions: 0x" % last)
        self.assertRegex(out, r"(?m)^  0x%x  only in %s$" % (zk.client_id[0], other))
        status, out, err = self.pc(folder, "diff", last, other, "--json")
        found = json.loads(out)
        self.assertEqual(status, 1)
        self.assertFalse(found["equal"])
        self.assertEqual({z["path"] for z in found["znodes"]}, {"/", "/x", "/y", "/app", "/app/closed", "/app/empty"})
        self.assertEqual(self.pc(folder, "diff", last, other, "--common")[0], 0)
        self.refused(folder, "diff", last, "/nowhere/at/all")
        zk.stop()
        self.ok(folder, "down")
        self.assertEqual(self.pc(folder, "diff", last, other)[0], 1)
        self.ok(folder, "up")
        wait_for("zoo1 to follow", lambda: self.pc(folder, "diff", last, other)[0] == 0)

    def test_reading_disturbs_nobody(self):
        folder = self.up(3)
        row = self.leader(folder)
        with harness.Undisturbed(self.address(row), "/busy"):
            for _ in range(10):
                self.ok(folder, "tree")
                self.ok(folder, "log", "--path", "/busy")
                self.ok(folder, "diff", "1", "2", "--common")
                self.ok(folder, "save", "busy")


class SaveAndReset(Case):
    def test_back_to_a_save_with_faults_and_sessions_gone(self):
        folder = self.up(3)
        zk = self.zk(folder)
        lost = threading.Event()
        zk.add_listener(lambda state: lost.set() if state == KazooState.LOST else None)
        self.fill(zk)
        want = self.everything(folder)
        zk.create("/gone", b"", ephemeral=True)
        out = self.ok(folder, "save", "base")
        self.assertRegex(out, r"^saved base in [\d.]+ m?s: \d+ znodes, zxid 0x[0-9a-f]+, from zoo\d; 1 session left out\n")
        before, sid = self.servers(folder), zk.client_id[0]
        epoch = self.status(folder)["epoch"]
        for i in range(200):
            zk.create("/later-%d" % i, b"x")
        zk.delete("/app/empty")
        self.ok(folder, "isolate", "1")
        self.ok(folder, "slow", "3", "--delay", "5ms")
        self.ok(folder, "stop", "2")
        out = self.ok(folder, "reset", "base")
        self.assertRegex(out, r"^reset to base in [\d.]+ m?s, leader zoo\d, epoch \d+; clients find their sessions expired")
        status = self.status(folder)
        self.assertGreater(status["epoch"], epoch)
        self.assertEqual(status["faults"], [])
        self.assertEqual({s["state"] for s in status["servers"]}, {"serving"})
        for s in status["servers"]:
            self.assertEqual(s["client"], before[s["name"]]["client"])
            self.assertNotEqual(s["pid"], before[s["name"]]["pid"])
        # The client that was there is told, and goes on with a session of its own.
        self.assertTrue(lost.wait(DEADLINE))
        wait_for("the client to be back", lambda: zk.connected and zk.client_id and zk.client_id[0] != sid)
        got = self.everything(folder)
        root = want.pop("/"), got.pop("/")
        self.assertEqual(got, want)
        # /gone was there and is not: two more in cversion.
        self.assertEqual(root[1][1].cversion, root[0][1].cversion + 2)
        zk.retry(zk.create, "/new", b"n")
        self.assertEqual(zk.get("/new")[0], b"n")
        self.ok(folder, "diff", "1", "2")

    def test_nobody_is_ahead_of_the_servers(self):
        """A client that saw the highest zxids is not refused: neither by an ensemble nor by a server alone."""
        for n in (1, 3):
            folder = self.up(n, "ahead%d" % n)
            self.ok(folder, "save", "empty")
            for target in ("empty", None, "empty"):
                conns = {name: self.conn(self.address(row)) for name, row in self.servers(folder).items()}
                for c in conns.values():
                    for i in range(30):
                        c.create(self.fresh(), b"")
                seen = max(c.sync().zxid for c in conns.values())
                sessions = [c.session for c in conns.values()]
                self.ok(folder, "reset", *([target] if target else []))
                for row in self.servers(folder).values():
                    c = self.conn(self.address(row), connect=False)
                    fresh = c.connect(last_zxid=seen)
                    self.assertNotEqual(fresh.id, 0)
                    old = self.conn(self.address(row), connect=False)
                    self.assertEqual(old.resume(sessions[0], last_zxid=seen).id, 0) # expired, and said to be
                    self.assertGreater(c.ok(wire.EXISTS, wire.watched("/")).zxid, seen)

    def test_the_c_client_is_told_that_its_session_is_over(self):
        load.need_c_client(self)
        folder = self.up(3)
        self.ok(folder, "save", "s")
        held = load.CProcess("hold", self.status(folder)["connect"], "/held", 20000)
        self.addCleanup(held.end)
        held.wait_line("held /held")
        zk = self.zk(folder)
        for i in range(50):
            zk.create("/n%d" % i, b"")
        self.ok(folder, "reset", "s")
        held.wait_line("expired")
        self.assertNotIn("/held", self.everything(folder))

    def test_without_a_name_all_is_gone(self):
        folder = self.up(3)
        zk = self.zk(folder)
        self.fill(zk)
        zk.stop()
        out = self.ok(folder, "reset")
        self.assertIn("reset to the empty state in", out)
        self.assertEqual(list(self.everything(folder)), ["/"])
        self.write_and_read(folder)

    def test_a_cluster_that_is_down(self):
        folder = self.up(3)
        zk = self.zk(folder)
        zk.create("/kept", b"1")
        zk.stop()
        self.ok(folder, "down")
        self.ok(folder, "save", "s")
        self.ok(folder, "up")
        zk = self.zk(folder)
        zk.delete("/kept")
        zk.stop()
        self.ok(folder, "kill", "all")
        self.ok(folder, "save", "t")
        self.ok(folder, "down")
        self.assertIn("the cluster is down", self.ok(folder, "reset", "s"))
        self.ok(folder, "up")
        self.assertEqual(set(self.everything(folder)), {"/", "/kept"})
        self.ok(folder, "reset", "t")
        self.assertEqual(set(self.everything(folder)), {"/"})

    def test_list_delete_and_what_is_refused(self):
        folder = self.up(1)
        self.assertIn("nothing is saved", self.ok(folder, "save", "--list"))
        self.assertIn("make one", self.refused(folder, "reset", "x"))
        self.ok(folder, "save", "b")
        self.ok(folder, "save", "a.1")
        self.assertTrue(self.ok(folder, "save", "b").startswith("replaced b"))
        self.assertEqual([r["name"] for r in self.lines(folder, "save", "--list")], ["a.1", "b"])
        self.assertIn("there is: a.1, b", self.refused(folder, "reset", "x"))
        self.ok(folder, "save", "--delete", "b")
        self.assertIn("there is: a.1", self.refused(folder, "save", "--delete", "b"))
        for name in ("../x", "a/b", ".hidden", "", "x" * 65):
            self.assertEqual(self.pc(folder, "save", name)[0], 2, name)
            self.assertIn(self.pc(folder, "reset", name)[0], (2,) if name else (0,), name)
        self.assertEqual(self.pc(folder, "save")[0], 2)
        self.assertEqual(self.pc(folder, "save", "x", "--list")[0], 2)
        self.ok(folder, "down", "--clean")
        self.assertFalse(os.path.exists(os.path.join(folder, "saves")))

    def test_a_save_has_every_write_acknowledged_before(self):
        folder = self.up(3)
        stop, done = threading.Event(), []
        conns = [self.conn(self.address(row), timeout=30000) for row in self.servers(folder).values()]

        def write(c, n):
            i = 0
            while not stop.is_set():
                done.append(c.create("/w-%d-%d" % (n, i), b""))
                i += 1
        threads = [threading.Thread(target=write, args=(c, n)) for n, c in enumerate(conns)]
        for t in threads:
            t.start()
        try:
            acknowledged = {}
            for i in range(6):
                wait_for("some writes", lambda: len(done) > 40 * (i + 1))
                if i == 3:
                    self.ok(folder, "pause", "follower")
                acknowledged["s%d" % i] = list(done)
                self.ok(folder, "save", "s%d" % i)
        finally:
            for row in self.servers(folder).values():
                if row["state"] == "paused":
                    self.ok(folder, "resume", row["name"])
            stop.set()
            for t in threads:
                t.join()
        for name, paths in acknowledged.items():
            self.ok(folder, "reset", name)
            missing = set(paths) - set(self.everything(folder))
            self.assertFalse(missing, "%s lacks %d of %d" % (name, len(missing), len(paths)))

    def test_an_interrupted_reset_is_finished_by_up(self):
        folder = self.up(3)
        self.ok(folder, "save", "s")
        zk = self.zk(folder)
        zk.create("/after", b"")
        zk.stop()
        self.ok(folder, "down")
        with open(os.path.join(folder, "run", "reset"), "w") as f:
            f.write("s\n")
        for name in os.listdir(os.path.join(folder, "data", "zoo2")):
            if name.startswith("log.db"):
                os.unlink(os.path.join(folder, "data", "zoo2", name))
        self.ok(folder, "up")
        self.assertEqual(set(self.everything(folder)), {"/"})
        self.assertFalse(os.path.exists(os.path.join(folder, "run", "reset")))


class Json(Case):
    def options(self, folder, text):
        """Adds lines to the confs of a cluster that is down."""
        for conf in glob.glob(os.path.join(folder, "confs", "*.cfg")):
            with open(conf) as f:
                lines = [line for line in f if not line.startswith("#")]
            with open(conf, "w") as f:
                f.writelines(lines + [text + "\n"])

    def kinds(self, folder):
        """A tree with containers and TTL znodes too."""
        self.up(3)
        self.ok(folder, "down")
        self.options(folder, "extendedTypesEnabled=true")
        self.ok(folder, "up")
        zk = self.zk(folder)
        self.fill(zk)
        c = self.conn(self.address(self.leader(folder)))
        entries = wire.OPEN
        c.ok(CREATE_CONTAINER, wire.create("/container", b"c", 4, entries))
        c.ok(CREATE_TTL, wire.create("/ttl", b"t", 5, entries) + wire.q(600000))
        c.create("/eph", b"e", 1)
        return zk, c

    def content(self, tree):
        """Data and ACL of all: what a client can bring in again."""
        return {path: (data, acl) for path, (data, stat, acl) in tree.items()}

    def test_there_and_back(self):
        folder = os.path.join(self.folder, "c")
        zk, c = self.kinds(folder)
        c.create("/app/closed-parent", b"", 0)
        c.create("/app/closed-parent/child", b"x", 0)
        zk.set_acls("/app/closed-parent", [make_acl("world", "anyone", read=True, admin=True)])
        want = self.content(self.everything(folder))
        file = os.path.join(self.folder, "all.json")
        out = self.ok(folder, "export", file)
        self.assertRegex(out, r"^\d+ znodes at zxid 0x[0-9a-f]+ of zoo\d written to .*all.json; 1 ephemeral left out")
        with open(file) as f:
            all = json.load(f)
        self.assertEqual([all["format"], all["version"]], ["pseudo-cluster znodes", 1])
        znodes = {z["path"]: z for z in all["znodes"]}
        self.assertEqual(znodes["/ttl"]["kind"], "ttl")
        self.assertEqual(znodes["/ttl"]["ttl"], 600000)
        self.assertEqual(znodes["/container"]["kind"], "container")
        self.assertEqual(znodes["/app/\u00fcml"]["data"], "\u00e4\u20ac")
        self.assertNotIn("/eph", znodes)
        self.assertIn("/app and others are there already", self.refused(folder, "import", file))

        zk.stop()
        self.ok(folder, "reset")
        out = self.ok(folder, "import", file)
        self.assertRegex(out, r"imported in [\d.]+ m?s: %d created" % len(znodes))
        del want["/eph"]
        got = self.everything(folder)
        self.assertEqual(self.content(got), want)
        c = self.conn(self.address(self.leader(folder)))
        again = os.path.join(self.folder, "again.json")
        self.ok(folder, "export", again)
        with open(again) as f:
            second = {z["path"]: z for z in json.load(f)["znodes"]}
        for z in list(znodes.values()) + list(second.values()):
            del z["stat"]
        self.assertEqual(second, znodes)

    def test_ephemerals_one_server_and_the_past(self):
        """export --ephemerals --server --at, import --ephemerals, diff --at."""
        folder = self.up(3)
        zk = self.zk(folder)
        zk.create("/e", b"mine", ephemeral=True)
        then = zk.exists("/e").czxid
        zk.create("/later", b"x")
        zk.sync("/")
        wait_for("all to have it", lambda: self.pc(folder, "diff", "1", "2", "--at", hex(then))[0] == 0)
        file = os.path.join(self.folder, "e.json")
        self.ok(folder, "export", file, "--ephemerals", "--server", self.leader(folder)["name"], "--at", hex(then))
        with open(file) as f:
            all = json.load(f)
        self.assertEqual(int(all["zxid"], 16), then)
        self.assertEqual([z["data"] for z in all["znodes"] if z["path"] == "/e"], ["mine"])
        self.assertEqual([z for z in all["znodes"] if z["path"] == "/later"], [])
        self.assertIn("of %s " % self.leader(folder)["name"], self.ok(folder, "export", file + "2", "--server", "leader"))
        zk.stop()
        self.ok(folder, "reset")
        zk = self.zk(folder)
        self.assertRegex(self.ok(folder, "import", file, "--ephemerals"), "1 created")
        data, stat = zk.get("/e")
        self.assertEqual((data, stat.ephemeralOwner), (b"mine", 0))
        self.ok(folder, "reset")
        self.assertRegex(self.ok(folder, "import", file), "0 created")

    def test_merge_and_replace(self):
        folder = self.up(3)
        zk = self.zk(folder)
        zk.create("/a", b"old")
        zk.create("/a/child", b"c")
        zk.create("/z", b"z")
        file = os.path.join(self.folder, "m.json")
        with open(file, "w") as f:
            json.dump({"format": "pseudo-cluster znodes", "version": 1, "znodes": [
                {"path": "/b/deep", "base64": "AAEC"},
                {"path": "/a", "data": "new", "acl": ["world:anyone:cdrwa", "digest:joe:x=:r"]}, {"path": "/b"}]}, f)
        self.assertIn("/a is there already", self.refused(folder, "import", file))
        self.assertIsNone(zk.exists("/b"))
        self.assertRegex(self.ok(folder, "import", file, "--merge"), "2 created, 1 changed")
        self.assertEqual([zk.get("/a")[0], zk.get("/a/child")[0], zk.get("/z")[0], zk.get("/b/deep")[0]],
                         [b"new", b"c", b"z", b"\0\1\2"])
        self.assertEqual(len(zk.get_acls("/a")[0]), 2)
        self.assertEqual(self.lines(folder, "import", file, "--merge"), [
            {"created": 0, "changed": 3, "removed": 0, "left_out": 0}])
        # A client that may not is told so; one that may, may.
        zk.set_acls("/z", [make_digest_acl("joe", "secret", all=True)])
        with open(file, "w") as f:
            json.dump({"format": "pseudo-cluster znodes", "version": 1, "znodes": [{"path": "/z", "data": "by joe"}]}, f)
        self.assertRegex(self.refused(folder, "import", file, "--merge", code=1), r"cannot set /z \(znodes\[0\]\): NoAuth")
        self.ok(folder, "import", file, "--merge", "--auth", "digest:joe:secret")
        self.assertEqual(zk.get("/z")[0], b"by joe")
        with open(file, "w") as f:
            json.dump({"format": "pseudo-cluster znodes", "version": 1, "znodes": [
                {"path": "/b/deep", "acl": ["world:anyone:r"]}, {"path": "/a"}, {"path": "/b"}]}, f)
        self.assertRegex(self.ok(folder, "import", file, "--replace"), "3 created, 5 others removed")
        self.assertEqual(set(self.everything(folder)), {"/", "/a", "/b", "/b/deep"})

    def test_what_is_wrong_is_said_and_where(self):
        folder = self.up(1)
        file = os.path.join(self.folder, "w.json")
        good = {"format": "pseudo-cluster znodes", "version": 1}
        cases = [
            ("{", r"w\.json:1:\d+: "),
            ("[]", "does not say"),
            (json.dumps(dict(good, version=2, znodes=[])), "its version is 2"),
            (json.dumps(dict(good, znodes=[{"path": "/a"}, {"data": "x"}])), r"znodes\[1\]: has no path"),
            (json.dumps(dict(good, znodes=[{"path": "a"}])), r"znodes\[0\] a: Path must start with / character"),
            (json.dumps(dict(good, znodes=[{"path": "/a//b"}])), "empty node name specified"),
            (json.dumps(dict(good, znodes=[{"path": "/a\u0000b"}])), "zero byte"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "data": 3}])), "neither a text nor null"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "base64": "A"}])), "base64"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "data": "", "base64": ""}])), "both data and base64"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "acl": []}])), "no list with entries"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "acl": ["world:anyone:xyz"]}])), r"acl\[0\]"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "kind": "odd"}])), "its kind"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "kind": "ttl"}])), "ttl belongs"),
            (json.dumps(dict(good, znodes=[{"path": "/a", "dta": "x"}])), "field 'dta'"),
            (json.dumps(dict(good, znodes=[{"path": "/a"}, {"path": "/a"}])), "are both /a"),
            (json.dumps(dict(good, znodes=[{"path": "/zookeeper/config"}])), "servers themselves"),
        ]
        for text, pattern in cases:
            with open(file, "w") as f:
                f.write(text)
            self.assertRegex(self.refused(folder, "import", file, code=1), pattern)
        with open(file, "w") as f:
            json.dump(dict(good, znodes=[{"path": "/x/y"}]), f)
        self.assertRegex(self.refused(folder, "import", file), r"/x/y has no parent: /x is neither")
        with open(file, "w") as f:
            json.dump(dict(good, znodes=[{"path": "/ok"}, {"path": "/t", "kind": "ttl", "ttl": 5}]), f)
        self.assertIn("extendedTypesEnabled", self.refused(folder, "import", file, code=1))
        self.assertIn("No such file", self.refused(folder, "import", "/nowhere.json", code=1))
        self.ok(folder, "down")
        self.refused(folder, "import", file, code=3)

    def test_a_large_file(self):
        folder = self.up(3)
        file = os.path.join(self.folder, "l.json")
        znodes = [{"path": "/d%d" % i} for i in range(20)]
        znodes += [{"path": "/d%d/n%d" % (i % 20, i), "data": "x" * (i % 900)} for i in range(6000)]
        znodes += [{"path": "/big", "data": "b" * 900000}]
        random.Random(1).shuffle(znodes)
        with open(file, "w") as f:
            json.dump({"format": "pseudo-cluster znodes", "version": 1, "znodes": znodes}, f)
        self.assertIn("6021 created", self.ok(folder, "import", file))
        got = self.everything(folder)
        self.assertEqual(len(got), 6022)
        self.assertEqual(got["/d7/n1887"][0], b"x" * (1887 % 900))


class Worker:
    """A client of Apache's that does some of everything, on its own connection, until it is told to stop."""

    def __init__(self, address, n):
        self.conn = wire.Conn(address)
        self.conn.connect(timeout=40000)
        self.rnd, self.n, self.error = random.Random(n), n, None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.done = 0

    def begin(self):
        for digest in AUTH:
            self.conn.ok(wire.AUTH, wire.i(0) + wire.buf("digest") + wire.buf(digest), xid=wire.AUTH_XID)
        self.conn.create("/w%d" % self.n)
        self.thread.start()

    def acl(self):
        """Ever new ACLs, so that a snapshot meets some that are made while it is written."""
        return [(31, "auth", ""), (self.rnd.randrange(1, 32), "ip", "10.%d.%d.%d" % tuple(self.rnd.randrange(256) for _ in range(3)))]

    def run(self):
        try:
            paths = []
            while not self.stop.is_set():
                self.one(paths)
                self.done += 1
        except BaseException as e:
            self.error = e

    def one(self, paths):
        c, what = self.conn, self.rnd.randrange(12)
        path = "/w%d/n%d" % (self.n, self.done)
        data = os.urandom(self.rnd.randrange(200))
        entries = self.acl() if self.rnd.randrange(3) == 0 else wire.OPEN
        if what < 4 or not paths:
            c.create(path, data, self.rnd.choice((0, 0, 0, 1)), entries)
            paths.append(path)
        elif what == 4:
            c.ok(CREATE_TTL, wire.create(path, data, 5, entries) + wire.q(10000000))
        elif what == 5:
            c.ok(CREATE_CONTAINER, wire.create(path, data, 4, entries))
        elif what == 6:
            c.ok(wire.DELETE, wire.versioned(paths.pop(self.rnd.randrange(len(paths)))))
        elif what == 7:
            c.ok(wire.SET_ACL, wire.buf(self.rnd.choice(paths)) + wire.vec(wire.acl(self.acl())) + wire.i(-1))
        elif what == 8:
            c.multi((wire.CREATE, wire.create(path, data, 0, entries)), (wire.SET, wire.set_data(self.rnd.choice(paths), b"m")))
        elif what == 9:
            c.create("/w%d/seq-" % self.n, data, 2)
        else:
            c.set(self.rnd.choice(paths), data)


def changed_data(log, above):
    """One of Apache's logs with another byte in the data that its last setData above this zxid writes."""
    at, found = 16, None
    while at + 12 < len(log) and any(log[at:at + 12]):
        size = struct.unpack_from(">i", log, at + 8)[0]
        zxid, _, kind = struct.unpack_from(">qqi", log, at + 12 + 12)
        if kind == wire.SET and zxid > above:
            path = struct.unpack_from(">i", log, at + 12 + 32)[0]
            if struct.unpack_from(">i", log, at + 12 + 36 + path)[0] > 0:
                found = at, size, at + 12 + 40 + path
        at += 12 + size + 1
    at, size, byte = found
    log = log[:byte] + bytes([log[byte] ^ 1]) + log[byte + 1:]
    return log[:at] + struct.pack(">q", zlib.adler32(log[at + 12:at + 12 + size])) + log[at + 8:]


class Apache(Case):
    PROPERTIES = ("zookeeper.extendedTypesEnabled=true", "znode.container.checkIntervalMs=3600000")

    def setUp(self):
        super().setUp()
        try:
            ensemble.apache_command("zoo.cfg")
        except ensemble.NotAvailable as e:
            self.skipTest(str(e))

    def apache(self, quorum=False, **options):
        """One Apache ZooKeeper that is not started yet."""
        ens = ensemble.Ensemble(1, quorum=quorum, options=dict({"preAllocSize": 1024, "extendedTypesEnabled": "true"}, **options),
                                engines=["apache"], properties=self.PROPERTIES)
        self.addCleanup(ens.close)
        return ens, ens[1]

    def worked(self, m, workers=4, enough=600):
        """Has several clients work at it; they stay connected, and their ephemerals stay with them."""
        all = [Worker(m.address, n) for n in range(workers)]
        for w in all:
            self.addCleanup(w.conn.drop)
            self.addCleanup(w.stop.set)
            w.begin()
        wait_for("%d operations" % enough, lambda: sum(w.done for w in all) >= enough or any(w.error for w in all), 120)
        for w in all:
            w.stop.set()
        for w in all:
            w.thread.join(DEADLINE)
            self.assertIsNone(w.error)
        return all

    def tool(self, name, *args):
        command = ensemble.apache_command("x")
        at = command.index("org.apache.zookeeper.server.quorum.QuorumPeerMain")
        done = subprocess.run(command[:at] + [name] + list(args), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        return done.stdout + done.stderr

    def all_of(self, m):
        return mixed.read_all(m.address, AUTH, skip=("/zookeeper/config",))

    def same(self, got, want):
        """But for the root of /zookeeper, whose children are each server's own."""
        paths = [p for p in sorted(set(got) | set(want)) if got.get(p) != want.get(p)]
        self.assertFalse(paths, "".join("\n%s:\n  %r\n  %r" % (p, got.get(p), want.get(p)) for p in paths[:5]))

    def test_from_apache(self):
        ens, m = self.apache(snapCount=60)
        ens.start()
        workers = self.worked(m)
        want = self.all_of(m)
        m.kill()
        snapshots = glob.glob(os.path.join(m.folder, "version-2", "snapshot.*"))
        self.assertGreater(len(snapshots), 3)
        folder = self.up(3)
        zk = self.zk(folder)
        zk.create("/mine", b"")
        zk.stop()
        self.assertIn("--replace", self.refused(folder, "import", "--apache", m.folder))
        out = self.ok(folder, "import", "--apache", m.folder, "--replace")
        self.assertRegex(out, r"imported in [\d.]+ m?s: %d znodes, [4-9] sessions, zxid 0x" % (len(want) + 1)) # and config
        self.same(self.everything(folder, skip=("/zookeeper/config",)), want)
        self.ok(folder, "diff", "1", "3")
        found = json.loads(self.pc(folder, "diff", "zoo1", m.folder, "--json")[1])
        self.assertEqual(found["znodes"], [])
        # A session goes on here, with the password that Apache gave, and with its ephemerals.
        c = self.conn(self.address(self.leader(folder)), connect=False)
        session = workers[0].conn.session
        self.assertEqual(c.resume(session).id, session.id)
        mine = [p for p, (_, stat, _) in want.items() if stat.ephemeral_owner == session.id]
        self.assertTrue(mine)
        c.close_session()
        rest = self.everything(folder)
        self.assertFalse(set(mine) & set(rest))
        self.write_and_read(folder)
        # What came in stays when the servers start anew.
        before = self.everything(folder)
        self.ok(folder, "down")
        self.ok(folder, "up")
        self.assertEqual(self.everything(folder), before)

    def test_any_snapshot_and_the_logs_behind_it_make_the_same(self):
        """Fuzzy snapshots: each one of them, with what comes behind it, gives the state at the end; and a torn end is no loss."""
        ens, m = self.apache(snapCount=40)
        ens.start()
        self.worked(m, workers=6, enough=900)
        m.kill()
        data = os.path.join(m.folder, "version-2")
        folder = self.cluster("any")
        self.ok(folder, "up", "1")
        whole = self.lines(folder, "tree", "--server", m.folder)
        snapshots = sorted(glob.glob(os.path.join(data, "snapshot.*")), key=lambda p: int(p.rsplit(".", 1)[1], 16))
        self.assertGreater(len(snapshots), 8)
        for snapshot in reversed(snapshots[1:]):
            os.unlink(snapshot)
            self.assertEqual(self.lines(folder, "tree", "--server", m.folder), whole, snapshot)
            self.assertNotIn("digest", self.pc(folder, "tree", "--server", m.folder)[2], snapshot)
        # A log that a crash tore: all before is there.
        log = max(glob.glob(os.path.join(data, "log.*")), key=lambda p: int(p.rsplit(".", 1)[1], 16))
        with open(log, "r+b") as f:
            f.truncate(len(f.read().rstrip(b"\0")) - 3)
        torn = self.lines(folder, "tree", "--server", m.folder)
        self.assertEqual(int(torn[0]["zxid"], 16), int(whole[0]["zxid"], 16) - 1)

    def test_to_apache(self):
        folder = os.path.join(self.folder, "c")
        self.up(3)
        self.ok(folder, "down")
        Json.options(self, folder, "extendedTypesEnabled=true")
        self.ok(folder, "up")
        leader = ensemble.Member.__new__(ensemble.Member)
        leader.address = self.address(self.leader(folder))
        workers = self.worked(leader)
        want = self.everything(folder, skip=("/zookeeper/config",))
        self.ok(folder, "down")
        for quorum in (False, True):
            ens, m = self.apache(quorum=quorum)
            out = self.ok(folder, "export", "--apache", m.folder)
            self.assertRegex(out, r"znodes at zxid 0x[0-9a-f]+ of zoo\d written to .*/version-2; [4-9] sessions")
            self.assertIn("holds data already", self.refused(folder, "export", "--apache", m.folder))
            data = os.path.join(m.folder, "version-2")
            snapshot = glob.glob(os.path.join(data, "snapshot.*"))[0]
            text = self.tool("org.apache.zookeeper.server.SnapshotFormatter", snapshot)
            self.assertIn("/w0", text)
            self.assertIn("%x" % workers[0].conn.session.id, text.lower())
            text = self.tool("org.apache.zookeeper.server.persistence.TxnLogToolkit", "-d", glob.glob(os.path.join(data, "log.*"))[0])
            self.assertIn("EOF reached after", text)
            self.assertIn("create", text)
            ens.start()
            self.same(self.all_of(m), want)
            c = self.conn(m.address, connect=False)
            session = workers[1].conn.session
            self.assertEqual(c.resume(session).id, session.id)
            c.create("/new", b"n")
            m.stop()
            with open(m.log, errors="replace") as f:
                said = f.read()
            self.assertNotRegex(said, r"(?i)mismatch|not matching|corrupt|IOException: (?!Connection)")
            digest = re.search(r"The digest in the snapshot has digest version of 2, with zxid as 0x([0-9a-f]+), and digest value as (\d+)", said)
            self.assertEqual("snapshot." + digest.group(1), os.path.basename(snapshot))
            self.assertIn("highest zxid is 0x%s, digest is %s" % digest.groups(), said)

    def test_and_back_again(self):
        ens, m = self.apache(snapCount=100)
        ens.start()
        self.worked(m, enough=300)
        want = self.all_of(m)
        m.kill()
        folder = self.up(1)
        self.ok(folder, "import", "--apache", m.folder)
        other, n = self.apache()
        self.ok(folder, "export", "--apache", n.folder)
        other.start()
        self.same(self.all_of(n), want)

    def test_into_a_cluster_that_is_down(self):
        ens, m = self.apache(quorum=True)
        ens.start()
        self.worked(m, enough=100)
        want = self.all_of(m)
        m.kill()
        folder = self.up(3)
        self.ok(folder, "down")
        self.assertIn("the cluster is down", self.ok(folder, "import", "--apache", m.folder))
        self.ok(folder, "up")
        self.same(self.everything(folder, skip=("/zookeeper/config",)), want)

    def test_what_is_damaged_is_said_to_be(self):
        ens, m = self.apache(snapCount=50)
        ens.start()
        self.worked(m, enough=200)
        last = self.conn(m.address)
        last.create("/last", b"x")
        last.set("/last", b"y")  # so that the newest log has one, whenever Apache began it
        m.kill()
        data = os.path.join(m.folder, "version-2")
        folder = self.up(1)
        by_zxid = lambda name: sorted(glob.glob(os.path.join(data, name)), key=lambda p: int(p.rsplit(".", 1)[1], 16))
        snapshots, logs = by_zxid("snapshot.*"), by_zxid("log.*")
        # The one that was being written when the server was killed is damaged by itself.
        while "was not written to its end" in self.pc(folder, "tree", "--server", m.folder)[2]:
            os.unlink(snapshots.pop())
        whole = self.lines(folder, "tree", "--server", m.folder)

        def broken(path, change):
            with open(path, "rb") as f:
                content = f.read()
            with open(path, "wb") as f:
                f.write(change(content))
            return content

        # The newest snapshot cut short: the one before it will do.
        content = broken(snapshots[-1], lambda b: b[:len(b) // 2])
        self.assertEqual(self.lines(folder, "tree", "--server", m.folder), whole)
        self.assertIn("was not written to its end", self.pc(folder, "tree", "--server", m.folder)[2])
        broken(snapshots[-1], lambda b: content[:200] + bytes([content[200] ^ 1]) + content[201:])
        self.assertIn("checksum", self.pc(folder, "tree", "--server", m.folder)[2])
        os.unlink(snapshots[-1])
        zipped = snapshots[-1] + ".gz"
        with gzip.open(zipped, "wb") as f:
            f.write(content)
        self.assertIn("gunzip", self.refused(folder, "import", "--apache", m.folder, "--replace", code=1))
        os.unlink(zipped)
        # A bit of a transaction, and a log that is missing.
        content = broken(logs[-1], lambda b: b[:60] + bytes([b[60] ^ 4]) + b[61:])
        self.assertIn("wrong checksum", self.refused(folder, "import", "--apache", m.folder, "--replace", code=1))
        # And one whose checksum is right: only the digests behind it know better.
        broken(logs[-1], lambda _: changed_data(content, int(snapshots[-2].rsplit(".", 1)[1], 16)))
        self.assertIn("not those that their digest was made of", self.pc(folder, "tree", "--server", m.folder)[2])
        broken(logs[-1], lambda b: content)
        self.assertNotIn("digest", self.pc(folder, "tree", "--server", m.folder)[2])
        for snapshot in snapshots[1:-1]:
            os.unlink(snapshot)
        os.unlink(logs[len(logs) // 2])
        self.assertIn("missing", self.refused(folder, "import", "--apache", m.folder, "--replace", code=1))
        for snapshot in by_zxid("snapshot.*"):
            os.unlink(snapshot)
        self.assertIn("there is no snapshot", self.refused(folder, "import", "--apache", m.folder, "--replace", code=1))
        self.refused(folder, "import", "--apache", "/nowhere/at/all", code=1)


if __name__ == "__main__":
    harness.main()
