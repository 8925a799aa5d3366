#!/usr/bin/env python3
"""What a cluster records of itself, and what `timeline` and `why` make of it, each held against what was really done."""
import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import time

import harness
import test_faults
import wire
from ensemble import program, wait_for


class Case(test_faults.Case):
    def incidents(self, folder, *args):
        return [json.loads(line) for line in self.ok(folder, "timeline", "--json", *args).splitlines()]

    def last(self, folder):
        return self.incidents(folder, "--last", "1")[0]

    def why(self, folder, *args):
        """Both forms: the text, and the object, whose remedies are then as the text has them."""
        text = self.ok(folder, "why", *args)
        told = json.loads(self.ok(folder, "why", "--json", *args))
        for command in told["remedies"]:
            self.assertIn(command, text)
        return " ".join(text.split()), told

    def remedy(self, folder, told):
        """Do what it says would help, word for word."""
        for command in told["remedies"]:
            words = command.split()
            self.assertEqual(words[:2], ["pseudo-cluster", "-C"])
            self.ok(folder, *words[3:])

    def causes(self, told):
        return {(c["cause"], c["server"]) for c in told["causes"]}

    def session(self, address, timeout=10000):
        c = wire.Conn(address)
        c.connect(timeout=timeout)
        self.addCleanup(c.drop)
        return c

    def address(self, folder, name):
        host, port = self.servers(folder)[name]["client"].rsplit(":", 1)
        return host, int(port)

    def wait_facts(self, folder, what, session):
        """Until the records tell this of the session."""
        def told():
            out = json.loads(self.pc(folder, "why", "--json", session)[1] or "{}")
            return [f for f in out.get("facts", ()) if f["fact"] == what]
        return wait_for("%s of %s" % (what, session), told)


class Records(Case):
    def test_facts_are_kept_whether_anybody_watches_or_not(self):
        folder = self.up(3)
        self.ok(folder, "kill", "leader")
        self.ok(folder, "timeline")  # has all that happened so far written down
        db = sqlite3.connect(os.path.join(folder, "run", "events.db"))
        self.addCleanup(db.close)
        self.assertEqual(db.execute("pragma user_version").fetchone(), (1,))
        kinds = {k for k, in db.execute("select distinct kind from fact")}
        for kind in ("started", "ready", "vote", "elected", "epoch-proposed", "epoch-acked", "epoch", "sync-sent", "synced",
                     "serving", "first-commit", "write", "killed", "exited", "lost-leader"):
            self.assertIn(kind, kinds)
        kinds = {k for k, in db.execute("select distinct kind from traffic")}
        self.assertLessEqual({"session-opened", "session-closed"}, kinds)
        at = [t for t, in db.execute("select t from fact order by t")]
        self.assertGreater(len({t % 1000 for t in at}), 5, "times are in microseconds")
        wall, = db.execute("select (wall_us + (select max(t) from fact) - clock_us) / 1e6 from run").fetchone()
        self.assertLess(abs(wall - time.time()), 60)
        self.assertEqual(db.execute("select servers, ended_us from run").fetchall(), [(3, None)])
        self.ok(folder, "down")
        self.assertEqual(db.execute("select why from run where ended_us > 0").fetchall(), [("asked to",)])
        # Read it, when nobody runs any more, and add to it, when somebody does again.
        self.assertIn("killed with SIGKILL", self.ok(folder, "timeline"))
        self.ok(folder, "up")
        self.assertEqual([i["kind"] for i in self.incidents(folder)], ["boot", "kill", "boot"])

    def test_they_do_not_grow_without_end(self):
        folder = self.up(1)
        path = os.path.join(folder, "run", "events.db")
        self.ok(folder, "down")
        db = sqlite3.connect(path)
        with db:
            for table in ("fact", "traffic"):
                session = ", session" if table == "traffic" else ""
                db.execute("""with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
                              insert into %s (run, t, server, kind, more%s) select 1, i, 1, 'session-left', '{}'%s from n"""
                           % (table, session, ", 1" if session else ""))
        db.close()
        self.ok(folder, "up")

        def rows(table):
            with contextlib.closing(sqlite3.connect(path)) as now:
                return now.execute("select count(*) from " + table).fetchone()[0]
        for table in ("fact", "traffic"):
            wait_for("the oldest of %s to be dropped" % table, lambda: rows(table) <= 50000)
        # What is new stays.
        self.assertEqual(self.last(folder)["kind"], "boot")

    def test_a_file_of_a_later_version_is_left_alone(self):
        folder = self.up(1)
        self.ok(folder, "down")
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "run", "events.db"))) as db, db:
            db.execute("pragma user_version = 99")
            before = db.execute("select count(*) from fact").fetchone()
        self.ok(folder, "up")
        self.assertEqual(self.servers(folder)["zoo1"]["state"], "serving")
        status, out, err = self.pc(folder, "timeline")
        self.assertEqual(status, 1)
        self.assertIn("later version", err)
        self.ok(folder, "down")
        with contextlib.closing(sqlite3.connect(os.path.join(folder, "run", "events.db"))) as db:
            self.assertEqual(db.execute("select count(*) from fact").fetchone(), before)


class Timeline(Case):
    def test_a_killed_leader(self):
        folder = self.up(3)
        old = self.leader(folder)["name"]
        out = self.ok(folder, "kill", "leader")
        told = self.last(folder)
        self.assertEqual([told["kind"], told["leader_before"], told["writes_stopped"], told["over"]],
                         ["kill", int(old[3:]), True, True])
        self.assertEqual(told["leader"], self.leader(folder)["id"])
        self.assertEqual(told["epoch"], self.leader(folder)["epoch"])
        marks = [told["marks"][m + "_us"] for m in
                 ("detected", "voted", "elected", "established", "synchronised", "written")]
        self.assertEqual(marks, sorted(marks))
        self.assertGreater(marks[0], 0)
        self.assertEqual(sum(told["phases"].values()), told["outage_us"])
        # The same that kill said when it happened.
        said = re.search(r"(?m)^writes were unavailable for ([\d.]+) ms$", out)
        self.assertAlmostEqual(told["outage_us"] / 1000, float(said.group(1)), delta=1)
        self.assertEqual(told["clients"]["wrote"], False)
        text = self.ok(folder, "timeline", "--last", "1")
        self.assertIn("no client wrote; served again after", text)
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        # One column for names, however many they are.
        self.assertEqual({len(m) for m in re.findall(r"(?m)^( *\+[\d.]+ ms  .{10}  )\S", text)}, {25})
        self.assertRegex(text, r"(?m)^ +\+0\.0 ms  %s        killed with SIGKILL" % old)
        self.assertRegex(text, r"(?m)^  detect +vote +elect +discover +synchronise +first write$")

    def test_the_outage_as_clients_saw_it(self):
        folder = self.up(3)
        writer = self.kazoo(self.status(folder)["connect"])
        writer.create("/w", b"0")
        begun = time.monotonic()
        for i in range(20):
            writer.set("/w", b"%d" % i)
        self.ok(folder, "kill", "leader")

        def written():
            with contextlib.suppress(Exception):
                return writer.set("/w", b"after")
        wait_for("the client to write again", written)
        after = time.monotonic()
        told = wait_for("the records", lambda: [i for i in self.incidents(folder) if i["clients"]["first_write_us"]])[-1]
        self.assertEqual(told["kind"], "kill")
        clients = told["clients"]
        self.assertTrue(clients["wrote"])
        self.assertLess(clients["last_write_us"], 0)
        self.assertEqual(clients["gap_us"], clients["first_write_us"] - clients["last_write_us"])
        # Within what the client itself has measured.
        self.assertLess(clients["gap_us"] / 1e6, after - begun)
        self.assertGreater(clients["gap_us"] / 1e6, 0)
        self.assertLess(-clients["last_write_us"] / 1e6, time.monotonic() - begun)
        self.assertGreaterEqual(clients["first_write_us"], told["marks"]["synchronised_us"])
        self.assertRegex(self.ok(folder, "timeline", "--incident", str(told["incident"])),
                         r"clients: last write at -.*, next one\s+acknowledged at \+")

    def test_a_fault_that_stops_no_write(self):
        folder = self.up(3)
        self.ok(folder, "kill", "follower")
        told = self.last(folder)
        self.assertEqual([told["writes_stopped"], told["over"], told["outage_us"]], [False, True, None])
        self.assertIn("writes went on", self.ok(folder, "timeline", "--last", "1"))

    def test_no_quorum_is_an_outage_without_an_end(self):
        folder = self.up(3)
        self.ok(folder, "kill", "1,2")
        told = self.last(folder)
        self.assertRegex(told["what"], r"^zoo1.*, zoo2.* killed with SIGKILL$")
        self.assertEqual([told["writes_stopped"], told["over"], told["outage_us"]], [True, False, None])
        self.assertIn("no write has been acknowledged since", self.ok(folder, "timeline"))
        self.ok(folder, "restart", "1,2")
        told = self.last(folder)
        self.assertTrue(told["over"])
        self.assertGreater(told["outage_us"], 0)

    def test_one_command_is_one_incident_and_two_are_two(self):
        folder = self.up(5)
        for command in (("kill", "follower"), ("restart", "all"), ("stepdown",), ("partition", "1", "/", "2,3,4,5"),
                        ("heal",)):
            self.pc(folder, *command)
        self.assertEqual([i["kind"] for i in self.incidents(folder)],
                         ["boot", "kill", "restart", "stepdown", "partition", "heal"])

    def test_what_nobody_ordered(self):
        folder = self.up(3)
        leader = self.leader(folder)
        os.kill(leader["pid"], signal.SIGKILL)
        told = wait_for("the end of the outage", lambda: [i for i in self.incidents(folder) if i["kind"] == "crash" and i["over"]])
        self.assertEqual(len(told), 1)
        self.assertEqual(told[0]["what"], "%s (leader) ended unasked, by SIGKILL" % leader["name"])
        self.assertGreater(told[0]["outage_us"], 0)

    def test_which_ones(self):
        folder = self.up(3)
        for _ in range(3):
            self.ok(folder, "stepdown")
        self.assertEqual([i["incident"] for i in self.incidents(folder)], [1, 2, 3, 4])
        self.assertEqual([i["incident"] for i in self.incidents(folder, "--last", "2")], [3, 4])
        self.assertEqual([i["incident"] for i in self.incidents(folder, "--incident", "2")], [2])
        self.assertEqual(len(self.incidents(folder, "--since", "10min")), 4)
        self.assertEqual(len(self.incidents(folder, "--since", time.strftime("%Y-%m-%d") + " 00:00:00")), 4)
        self.assertEqual(self.incidents(folder, "--since", "2099-01-01 00:00"), [])
        self.assertEqual(self.pc(folder, "timeline", "--incident", "9")[0], 4)
        for args in (("--last", "x"), ("--since", "yesterday"), ("--last", "1", "--incident", "1"), ("more",)):
            self.assertEqual(self.pc(folder, "timeline", *args)[0], 2, args)
        table = self.ok(folder, "timeline")
        self.assertRegex(table, r"(?m)^4 incidents; times in ms$")
        self.assertEqual(len(re.findall(r"(?m)^ +\d+  \d\d:\d\d:\d\d  ", table)), 4)

    def test_a_page_of_its_own(self):
        folder = self.up(3)
        self.ok(folder, "kill", "leader")
        path = os.path.join(folder, "t.html")
        self.assertEqual(self.ok(folder, "timeline", "--html", path), path + "\n")
        with open(path) as f:
            page = f.read()
        self.assertEqual(page, self.ok(folder, "timeline", "--html", "-"))
        self.assertNotRegex(page, r"https?://|src=|<script|@import|url\(")
        self.assertEqual(page.count("<section"), 2)
        self.assertIn("prefers-color-scheme:dark", page)
        import xml.dom.minidom
        for svg in re.findall(r"(?s)<svg viewBox.*?</svg>", page):
            xml.dom.minidom.parseString(svg)
        for name in ("zoo1", "zoo2", "zoo3"):
            self.assertIn(">%s</text>" % name, page)
        self.assertRegex(page, r"<title>\+\d+\.\d{3} ms  zoo\d lost the leader: [^<]*</title>")
        self.assertRegex(page, r"no write is acknowledged for [\d.]+ ms</title>")
        status, out, err = self.pc(folder, "timeline", "--html", "/nonexistent/t.html")
        self.assertEqual(status, 1)
        self.assertIn("/nonexistent/t.html", err)

    def test_nothing_recorded(self):
        folder = self.cluster("empty")
        for verb, code in (("timeline", 1), ("why", 3)):
            status, out, err = self.pc(folder, verb)
            self.assertEqual(status, code, out + err)
            self.assertIn("nothing is recorded", err)


class WhyNoLeader(Case):
    def assert_helps(self, folder, told):
        self.remedy(folder, told)
        self.ok(folder, "wait", "leader", "--timeout", "30")
        self.write_and_read(folder)

    def test_all_is_well(self):
        folder = self.up(3)
        text, told = self.why(folder)
        self.assertTrue(told["well"])
        self.assertRegex(text, r"^%s leads epoch 1 for " % self.leader(folder)["name"])
        self.assertEqual([told["causes"], told["remedies"]], [[], []])

    def test_killed_and_stopped(self):
        folder = self.up(3)
        self.ok(folder, "kill", "1")
        self.ok(folder, "stop", "2")
        text, told = self.why(folder)
        self.assertIn("there is no leader: 1 of 3 voters run, and 2 are needed", text)
        self.assertEqual(self.causes(told), {("killed", 1), ("stopped", 2)})
        self.assertLess(told["causes"][0]["ago_us"], 60e6)
        self.assert_helps(folder, told)

    def test_paused(self):
        folder = self.up(3)
        old = self.leader(folder)["id"]
        self.ok(folder, "pause", "leader")
        text, told = self.why(folder)
        if self.status(folder)["leader"] is None:
            self.assertIn("led and is paused; the others notice by its silence, within syncLimit", text)
            self.assertEqual(self.causes(told), {("paused", old)})
        other = next(s["id"] for s in self.servers(folder).values() if s["id"] != old)
        self.ok(folder, "pause", str(other))
        text, told = self.why(folder)
        self.assertIn("1 of 3 voters run, and 2 are needed", text)
        self.assertEqual(self.causes(told), {("paused", old), ("paused", other)})
        self.assert_helps(folder, told)

    def test_a_network_without_a_quorum(self):
        folder = self.up(3)
        self.ok(folder, "partition", "1", "/", "2", "/", "3")
        wait_for("all to notice", lambda: self.status(folder)["leader"] is None)
        text, told = self.why(folder)
        self.assertIn("3 of 3 voters run, but no 2 of them reach each other", text)
        self.assertEqual({c["cause"] for c in told["causes"]}, {"cut"})
        self.assertIsNotNone(told["causes"][0]["since"])
        self.assertEqual(len(told["remedies"]), 1)
        self.assert_helps(folder, told)

    def test_a_leader_that_nobody_hears(self):
        folder = self.up(3)
        leader = self.leader(folder)
        c = subprocess.Popen([program("pseudo-cluster"), "-C", folder, "isolate", "leader"], stdout=subprocess.DEVNULL, env=self.env)
        self.addCleanup(c.wait)
        wait_for("the cut", lambda: self.status(folder)["faults"])
        text, told = self.why(folder)
        status = self.status(folder)
        if status["leader"] == leader["id"]:
            self.assertIn("but reaches 1 of 3 voters and needs 2", text)
        wait_for("another leader", lambda: self.status(folder)["leader"] not in (None, leader["id"]))
        wait_for("the old one to notice", lambda: not self.servers(folder)[leader["name"]]["serving"])
        text, told = self.why(folder, leader["name"])
        self.assertIn("it is cut off from the leader", text)
        self.assertIn("by `isolate`", text)
        self.assertEqual(self.causes(told), {("cut", leader["id"])})
        self.remedy(folder, told)
        self.ok(folder, "wait", "serving")

    def test_the_whole_cluster(self):
        folder = self.up(3)
        self.ok(folder, "down")
        text, told = self.why(folder)
        self.assertIn("the cluster does not run: it was taken down", text)
        self.assertEqual(self.causes(told), {("taken-down", None)})
        self.remedy(folder, told)
        supervisor = self.status(folder)["supervisor"]
        self.ok(folder, "timeline")
        os.kill(supervisor, signal.SIGKILL)
        wait_for("the supervisor's end", lambda: self.pc(folder, "status")[0] == 3)
        text, told = self.why(folder)
        self.assertIn("its supervisor (pid %d) was killed" % supervisor, text)
        self.remedy(folder, told)
        self.write_and_read(folder)


class WhyServer(Case):
    def test_it_serves(self):
        folder = self.up(3)
        name = self.leader(folder)["name"]
        text, told = self.why(folder, name)
        self.assertTrue(told["well"])
        self.assertIn("%s serves, as leader, for " % name, text)
        self.assertEqual(self.why(folder, "leader")[1]["summary"][:20], told["summary"][:20])
        self.assertEqual(self.pc(folder, "why", "zoo9")[0], 4)
        self.assertEqual(self.pc(folder, "why", "nobody")[0], 2)

    def test_it_ended_by_itself(self):
        folder = self.up(3)
        follower = self.servers(folder)[self.others(folder, self.leader(folder)["name"])[0]]
        os.kill(follower["pid"], signal.SIGABRT)
        wait_for("its end", lambda: "crashed" in self.servers(folder)[follower["name"]]["state"])
        text, told = self.why(folder, follower["name"])
        self.assertEqual(self.causes(told), {("signal", follower["id"])})
        self.assertIn("ended by SIGABRT, which this launcher did not send", text)
        self.remedy(folder, told)
        self.assertEqual(self.servers(folder)[follower["name"]]["state"], "serving")

    def test_its_data_cannot_be_used(self):
        folder = self.up(3)
        follower = self.servers(folder)[self.others(folder, self.leader(folder)["name"])[0]]
        self.ok(folder, "stop", follower["name"])
        data = os.path.join(folder, "data", follower["name"], "log.db")
        os.rename(data, data + ".away")
        os.mkdir(data)
        self.pc(folder, "restart", follower["name"])
        text, told = self.why(folder, follower["name"])
        self.assertEqual(self.causes(told), {("disk", follower["id"])})
        self.assertIn("exit 3: dataDir or dataLogDir cannot be used", text)
        os.rmdir(data)
        os.rename(data + ".away", data)
        self.remedy(folder, told)
        self.assertEqual(self.servers(folder)[follower["name"]]["state"], "serving")

    def test_its_disk_is_full(self):
        folder = self.up(3)
        name = self.others(folder, self.leader(folder)["name"])[0]
        self.ok(folder, "disk", name, "full")
        self.at(folder, self.leader(folder)["name"]).create("/full", b"x")
        wait_for("its end", lambda: "crashed" in self.servers(folder)[name]["state"])
        text, told = self.why(folder, name)
        self.assertEqual(self.causes(told), {("disk", int(name[3:]))})
        self.assertIn("the disk is full", text)
        self.remedy(folder, told)
        self.assertEqual(self.servers(folder)[name]["state"], "serving")

    def test_it_refuses_its_clients(self):
        folder = self.up(3)
        name = self.leader(folder)["name"]
        self.ok(folder, "drop-clients", name, "--refuse")
        text, told = self.why(folder, name)
        self.assertEqual(self.causes(told), {("refuses-clients", int(name[3:]))})
        self.assertIsNotNone(told["causes"][0]["since"])
        self.remedy(folder, told)
        self.assertTrue(self.why(folder, name)[1]["well"])

    def test_it_does_not_answer(self):
        folder = self.up(3)
        follower = self.servers(folder)[self.others(folder, self.leader(folder)["name"])[0]]
        os.kill(follower["pid"], signal.SIGSTOP)
        self.addCleanup(os.kill, follower["pid"], signal.SIGCONT)
        wait_for("the silence", lambda: self.servers(folder)[follower["name"]]["state"] == "silent")
        text, told = self.why(folder, follower["name"])
        self.assertEqual(self.causes(told), {("silent", follower["id"])})
        self.assertIn("somebody else has stopped the process", text)

    def test_without_a_leader_nobody_serves(self):
        folder = self.up(3)
        leader = self.leader(folder)["name"]
        left = self.others(folder, leader)[0]
        self.ok(folder, "kill", ",".join(s for s in self.servers(folder) if s != left))
        text, told = self.why(folder, left)
        self.assertIn(("no-leader", int(left[3:])), self.causes(told))
        self.assertEqual(len([c for c in told["causes"] if c["cause"] == "killed"]), 2)
        self.remedy(folder, told)
        self.ok(folder, "wait", "leader")


class WhySession(Case):
    TIMEOUT = 1000

    def hexed(self, conn):
        return "0x%x" % (conn.session.id & (1 << 64) - 1)

    def test_closed_by_its_client(self):
        folder = self.up(3)
        c = self.session(self.address(folder, "zoo1"))
        text, told = self.why(folder, self.hexed(c))
        self.assertTrue(told["well"])
        self.assertIn("lives", told["summary"])
        c.close_session()
        self.wait_facts(folder, "session-closed", self.hexed(c))
        text, told = self.why(folder, self.hexed(c))
        self.assertIn("was closed by its client", text)
        self.assertEqual(self.causes(told), {("closed", 1)})

    def test_expired_with_the_verb(self):
        folder = self.up(3)
        c = self.session(self.address(folder, "zoo2"))
        self.ok(folder, "expire", self.hexed(c))
        text, told = self.why(folder, self.hexed(c))
        self.assertIn("was expired with `expire`", text)

    def test_its_client_went_away(self):
        folder = self.up(3)
        c = self.session(self.address(folder, "zoo3"), self.TIMEOUT)
        c.drop()
        self.wait_facts(folder, "session-left", self.hexed(c))
        self.wait_facts(folder, "session-expired", self.hexed(c))
        text, told = self.why(folder, self.hexed(c))
        self.assertIn("nothing was heard of its client for its timeout of 1000 ms", text)
        self.assertIn(("client-gone", 3), self.causes(told))

    def test_its_client_was_silent(self):
        folder = self.up(3)
        c = self.session(self.address(folder, "zoo3"), self.TIMEOUT)
        self.wait_facts(folder, "session-expired", self.hexed(c))
        told = self.why(folder, self.hexed(c))[1]
        self.assertIn(("client-silent", 3), self.causes(told))

    def test_its_server_died(self):
        folder = self.up(3)
        name = self.others(folder, self.leader(folder)["name"])[0]
        c = self.session(self.address(folder, name), self.TIMEOUT)
        self.ok(folder, "kill", name)
        self.wait_facts(folder, "session-expired", self.hexed(c))
        text, told = self.why(folder, self.hexed(c))
        self.assertIn(("server-died", int(name[3:])), self.causes(told))
        self.assertIn("was killed", text)
        # Too late is told, too.
        address = self.address(folder, self.leader(folder)["name"])
        again = wire.Conn(address)
        self.addCleanup(again.drop)
        with contextlib.suppress(Exception):
            again.connect(timeout=self.TIMEOUT, sid=c.session.id, passwd=c.session.passwd)
        self.wait_facts(folder, "session-refused", self.hexed(c))
        self.assertIn("too-late", {k for k, _ in self.causes(self.why(folder, self.hexed(c))[1])})

    def test_its_server_was_cut_off(self):
        folder = self.up(3)
        name = self.others(folder, self.leader(folder)["name"])[0]
        c = self.session(self.address(folder, name), self.TIMEOUT)
        self.ok(folder, "isolate", name)
        self.wait_facts(folder, "session-expired", self.hexed(c))
        text, told = self.why(folder, self.hexed(c))
        self.assertIn(("server-cut", int(name[3:])), self.causes(told))
        self.assertIn("by `isolate`", text)

    def test_nobody_knows_it(self):
        folder = self.up(1)
        status, out, err = self.pc(folder, "why", "0x123456789")
        self.assertEqual(status, 4)
        self.assertIn("nothing is recorded of a session 0x123456789", err)


if __name__ == "__main__":
    harness.main()
