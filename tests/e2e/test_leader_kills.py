#!/usr/bin/env python3
"""Twenty times the leader is killed under a load of both clients; then every server is asked, one by one, whether all that
was acknowledged is there, nothing twice, the living sessions' ephemerals alive and the dead ones' gone, and whether the
watchers saw the end. E2E_KILLS changes the number."""
import os
import time

import harness
import wire
from ensemble import wait_for
from load import CProcess, CWriter, KazooWriter, Record, check, need_c_client

KILLS = int(os.environ.get("E2E_KILLS", "20"))


class KazooWatcher:
    """Watches a node's data with kazoo: reads again with a new watch after each event, and only then."""

    def __init__(self, case, hosts, path):
        self.zk, self.path, self.last = case.kazoo(hosts, timeout=10.0), path, None
        self.arm()

    def __call__(self, event):
        # Kazoo drops its watchers when the connection is lost and tells them with an event; arming again comes after.
        self.zk.handler.spawn(self.arm)

    def arm(self):
        def armed():
            try:
                self.last = self.zk.get(self.path, watch=self)[0].decode()
                return True
            except harness.UNKNOWN:
                return False
        wait_for("kazoo to arm a watch", armed, interval=0.05)


class LeaderKills(harness.Case):
    def setUp(self):
        need_c_client(self)
        self.ens = self.ensemble(3).start()
        self.root = self.fresh("load")
        c = self.conn(self.ens[1].address)
        c.create(self.root)
        c.create(self.root + "/seq")
        c.create(self.root + "/watched", b"0")
        c.close_session()

    def start(self, process):
        self.addCleanup(process.end)
        return process.start()

    def kill_leader_once(self, writers):
        """Kill the leader, wait until every writer is served by the new one, and bring the old one back. Returns how long
        it took until each had twenty more answers, in seconds."""
        leader = self.ens.leader()
        before = {w: w.acked() for w in writers}
        leader.kill()
        began = time.monotonic()
        for w in writers:
            wait_for("writer %s to be served by a new leader" % w.name, lambda: w.acked() >= before[w] + 20)
        unavailable = time.monotonic() - began
        self.assertIsNot(self.ens.leader(), leader)
        leader.start()
        self.ens.wait_serving()
        before = {w: w.acked() for w in writers}
        for w in writers:
            wait_for("writer %s to be served by all three" % w.name, lambda: w.acked() >= before[w] + 50)
        return unavailable

    def test_nothing_acknowledged_is_lost_and_nothing_is_done_twice(self):
        ens, root = self.ens, self.root
        writers = [self.start(CWriter(ens.hosts, root, "c%d" % n)) for n in range(2)]
        writers += [self.start(KazooWriter(ens.hosts, root, "k%d" % n)) for n in range(2)]
        # Every writer's register is watched, by one client of each kind.
        registers = ["%s/reg-%s" % (root, w.name) for w in writers]
        c_watchers = {p: CProcess("watch", ens.hosts, p) for p in registers}
        for process in c_watchers.values():
            self.addCleanup(process.end)
            process.wait_line("saw")
        kazoo_watchers = {p: KazooWatcher(self, ens.hosts, p) for p in registers}
        dead = []
        times = []
        for n in range(KILLS):
            holder = CProcess("hold", ens.hosts, "%s/dead-%d" % (root, n), 4000)
            self.addCleanup(holder.end)
            dead.append(holder.wait_line("held").split(" ")[1])
            if n % 2:
                holder.kill()
                times.append(self.kill_leader_once(writers))
            else:
                times.append(self.kill_leader_once(writers))
                holder.kill()
        self.check_alive(writers)
        records = [w.stop() for w in writers]
        self.check_dead(dead)
        tree = self.assert_same_trees(ens.members, root)
        self.assertEqual(check(tree, root, records), [])
        for m in ens.members:
            self.assertEqual(check(wire.read_tree(m.address, root), root, records), [])
        for path in registers:
            self.check_watchers(path, tree[path][0].decode(), c_watchers[path], kazoo_watchers[path])
        print("# %d kills, %d writes acknowledged, %d unanswered; seconds until all are served again: median %.3f, max %.3f"
              % (KILLS, sum(r.acked for r in records), sum(len(r.unsure) + len(r.sequential_unsure) for r in records),
                 sorted(times)[len(times) // 2], max(times)), flush=True)

    def check_alive(self, writers):
        """No writer lost its session, and its ephemeral is there on every server."""
        for w in writers:
            sids = set(w.record.sessions)
            if isinstance(w, KazooWriter):
                sids.add(w.zk.client_id[0])
            self.assertEqual(len(sids), 1, "writer %s had several sessions" % w.name)
            for m in self.ens.members:
                c = self.conn(m.address)
                c.sync()
                for path in w.record.held:
                    stat = c.exists(path)
                    self.assertIsNotNone(stat, "%s is gone on %s" % (path, m))
                    self.assertEqual(stat.ephemeral_owner, min(sids))
                c.close_session()

    def check_dead(self, paths):
        """The killed clients' ephemerals go with their timeouts, on every server."""
        for m in self.ens.members:
            c = self.conn(m.address, timeout=30000)

            def gone():
                c.sync()
                return not [p for p in paths if c.exists(p)]
            wait_for("the ephemerals of dead sessions to go on %s" % m, gone, interval=0.1)
            c.close_session()

    def check_watchers(self, path, final, c_watcher, kazoo_watcher):
        """Watchers that only read when an event told them to have read the final value."""
        wait_for("the C client's watcher of %s to see %s" % (path, final),
                 lambda: "saw " + final in (x for x in [c_watcher.lines[-1]]))
        self.assertEqual([x for x in c_watcher.lines if x.startswith(("bad", "expired"))], [])
        wait_for("kazoo's watcher of %s to see %s" % (path, final), lambda: kazoo_watcher.last == final)


class TheCheckItself(harness.Case):
    """check() notices what it is there to notice."""

    def setUp(self):
        self.record = Record()
        for kind, what, value in (("create", "/r/a", None), ("set", "/r/reg", "1"), ("set", "/r/reg", "2"),
                                  ("seq", "t1", "/r/seq/s-0"), ("create", "/r/d", None), ("delete", "/r/d", None)):
            self.record.ok(kind, what, value)
        self.record.unknown("seq", "t2", None)
        self.record.unknown("set", "/r/reg", "3")
        self.tree = {p: (d, None) for p, d in (("/r/a", b""), ("/r/reg", b"2"), ("/r/seq/s-0", b"t1"))}

    def complaints(self, **changes):
        tree = dict(self.tree)
        for path, data in changes.pop("put", {}).items():
            tree[path] = (data, None)
        for path in changes.pop("drop", ()):
            del tree[path]
        return check(tree, "/r", [self.record])

    def test_what_is_right(self):
        self.assertEqual(self.complaints(), [])
        self.assertEqual(self.complaints(put={"/r/seq/s-1": b"t2", "/r/reg": b"3"}), [])

    def test_what_is_wrong(self):
        for what, changes in (("a lost create", dict(drop=["/r/a"])), ("a lost delete", dict(put={"/r/d": b""})),
                              ("an older value", dict(put={"/r/reg": b"1"})),
                              ("a lost sequential", dict(drop=["/r/seq/s-0"])),
                              ("one done twice", dict(put={"/r/seq/s-1": b"t1"})),
                              ("one under another name", dict(drop=["/r/seq/s-0"], put={"/r/seq/s-9": b"t1"})),
                              ("one that nobody sent", dict(put={"/r/seq/s-1": b"t9"}))):
            with self.subTest(what):
                self.assertNotEqual(self.complaints(**changes), [])


if __name__ == "__main__":
    harness.main()
