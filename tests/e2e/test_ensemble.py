#!/usr/bin/env python3
"""What an ensemble promises: it elects and serves at every size, loses nothing when members die, hang or come back,
brings those who come back up to date, and does not care what strangers send to its ports."""
import os
import random
import shutil
import socket
import time

import harness
import wire
from ensemble import DEADLINE, Ensemble, wait_for
from harness import Undisturbed
from load import CWriter, KazooWriter, check, need_c_client

# The leader's way of bringing a learner up to date is not visible to clients; the amounts below force each of them:
# nothing missed, less than the 500 transactions that a leader keeps at hand, more, and many more.


class EnsembleCase(harness.Case):
    def writer(self, hosts, root, name="w", pause=0.002):
        w = KazooWriter(hosts, root, name, pause)
        self.addCleanup(w.end)
        return w.start()

    def root(self, member):
        """A root for a load, with its folder for sequential nodes."""
        root = self.fresh("load")
        c = self.conn(member.address)
        c.create(root)
        c.create(root + "/seq")
        c.close_session()
        return root

    def fill(self, member, root, count, data=b"x" * 20):
        """`count` creates below root through one server, pipelined; all acknowledged on return."""
        c = self.conn(member.address, timeout=30000)
        self.filled = getattr(self, "filled", 0)
        for at in range(0, count, 200):
            batch = range(at, min(at + 200, count))
            for n in batch:
                c.send(wire.CREATE, wire.create("%s/f-%d" % (root, self.filled + n), data))
            for _ in batch:
                self.assertEqual(c.reply().err, 0)
        self.filled += count
        c.close_session()

    def check_record(self, members, root, *records):
        tree = self.assert_same_trees(members, root)
        self.assertEqual(check(tree, root, records), [])
        return tree

    def wait_progress(self, writer, what, count=20):
        at = writer.acked()
        wait_for("%d acknowledged writes %s" % (count, what), lambda: writer.acked() >= at + count)


class Sizes(EnsembleCase):
    """Ensembles of every usual size elect, serve at each member, and forward writes."""

    def check_size(self, n):
        ens = self.ensemble(n, quorum=True).start()
        modes = sorted(m.mode() for m in ens.members)
        self.assertEqual(modes, ["follower"] * (n - 1) + ["leader"])
        c = self.conn(ens[1].address)
        root = c.create(self.fresh())
        conns = [self.conn(m.address) for m in ens.members]
        for k, conn in enumerate(conns):
            conn.sync()
            conn.create(root + "/from-%d" % k)
        for conn in conns:
            conn.sync()
            self.assertEqual(conn.children(root), sorted("from-%d" % k for k in range(n)))
        self.assertEqual(len({m.zxid() >> 32 for m in ens.members}), 1)
        self.assertGreaterEqual(ens[1].zxid() >> 32, 1)
        self.assert_same_trees(ens.members)
        return ens

    def test_of_one(self):
        self.check_size(1)

    def test_of_two(self):
        ens = self.check_size(2)
        # One of two is no majority: the survivor must stop serving, and serve again when the other is back.
        lost = ens.leader()
        rest = ens.followers()[0]
        lost.kill()
        wait_for("the survivor to stop serving", lambda: rest.mode() is None)
        lost.start()
        ens.wait_serving()
        self.conn(rest.address).create(self.fresh())

    def test_of_three(self):
        self.check_size(3)

    def test_of_five_that_loses_two(self):
        ens = self.check_size(5)
        ens.leader().kill()
        ens.wait_serving()
        ens.leader().kill()
        ens.wait_serving()
        for m in [m for m in ens.members if m.running()]:
            self.conn(m.address).create(self.fresh())

    def test_of_seven(self):
        self.check_size(7)

    def test_an_observer_serves_and_does_not_vote(self):
        ens = self.ensemble(3, observers=1).start()
        self.assertEqual(ens[4].mode(), "observer")
        c = self.conn(ens[4].address)
        path = c.create(self.fresh(), b"through an observer")
        for m in ens.members:
            d = self.conn(m.address)
            d.sync()
            self.assertEqual(d.get(path)[0], b"through an observer")
        ens[1].kill()
        ens[2].kill()
        wait_for("two of four, one an observer, to stop serving", lambda: ens[3].mode() is None and ens[4].mode() is None)


class Losses(EnsembleCase):
    def setUp(self):
        self.ens = self.ensemble(3).start()

    def test_reads_after_sync_are_up_to_date_on_every_member(self):
        leader, (a, b) = self.ens.leader(), self.ens.followers()
        conns = {m: self.conn(m.address) for m in (leader, a, b)}
        path = conns[a].create(self.fresh(), b"0")
        for n in range(100):
            writer = conns[(leader, a, b)[n % 3]]
            writer.sync()
            writer.set(path, b"%d" % n)
            for m in (a, b, leader):
                conns[m].sync()
                self.assertEqual(conns[m].get(path)[0], b"%d" % n)

    def test_the_leader_is_killed(self):
        leader = self.ens.leader()
        root = self.root(leader)
        epoch = leader.zxid() >> 32
        w = self.writer(self.ens.hosts, root)
        self.wait_progress(w, "before")
        leader.kill()
        new = self.ens.leader()
        self.assertIsNot(new, leader)
        self.wait_progress(w, "under the new leader")
        self.assertGreater(new.zxid() >> 32, epoch)
        leader.start()
        self.ens.wait_serving()
        self.assertEqual(leader.mode(), "follower")
        self.check_record(self.ens.members, root, w.stop())

    def test_a_follower_is_killed(self):
        leader, (a, _) = self.ens.leader(), self.ens.followers()
        root = self.root(leader)
        w = self.writer(leader.hosts, root)
        with Undisturbed(leader.address, self.fresh()):
            self.wait_progress(w, "before")
            a.kill()
            self.wait_progress(w, "without the follower", 50)
            a.start()
            self.ens.wait_serving()
        self.assertIs(self.ens.leader(), leader)
        self.check_record(self.ens.members, root, w.stop())

    def test_the_leader_hangs(self):
        leader = self.ens.leader()
        root = self.root(leader)
        others = self.ens.followers()
        w = self.writer(self.ens.hosts, root)
        self.wait_progress(w, "before")
        leader.pause()
        new = self.ens.leader()
        self.assertIn(new, others)
        self.wait_progress(w, "while the old leader hangs")
        leader.resume()
        wait_for("the old leader to follow", lambda: leader.mode() == "follower")
        self.assertIs(self.ens.leader(), new)
        self.wait_progress(w, "with the old leader back")
        self.check_record(self.ens.members, root, w.stop())

    def test_a_follower_hangs(self):
        leader, (a, _) = self.ens.leader(), self.ens.followers()
        root = self.root(leader)
        w = self.writer(leader.hosts, root)
        with Undisturbed(leader.address, self.fresh()):
            a.pause()
            self.wait_progress(w, "while the follower hangs", 100)
            # Longer than syncLimit, so that the leader lets go of it.
            until = time.monotonic() + 3
            wait_for("three seconds of writes", lambda: w.acked() and time.monotonic() > until)
            zxid = leader.zxid()
            a.resume()
            # More than what was in its sockets: it has noticed, come back and caught up.
            wait_for("the follower to have caught up", lambda: (a.zxid() or 0) >= zxid)
        self.assertIs(self.ens.leader(), leader)
        self.check_record(self.ens.members, root, w.stop())

    def test_without_a_majority_nothing_is_served(self):
        a, b = self.ens.followers()
        leader = self.ens.leader()
        a.kill()
        b.kill()
        wait_for("the leader alone to stop serving", lambda: leader.mode() is None)
        c = self.conn(leader.address, connect=False)
        with self.assertRaises((wire.Closed, OSError)):
            c.connect()
        b.start()
        self.ens.wait_serving()
        self.conn(b.address).create(self.fresh())

    def test_writes_without_a_majority_are_never_acknowledged(self):
        leader, (a, b) = self.ens.leader(), self.ens.followers()
        c = self.conn(leader.address)
        path = self.fresh()
        a.pause()
        b.pause()
        c.send(wire.CREATE, wire.create(path))
        # The leader must give up instead of answering.
        with self.assertRaises(wire.Closed):
            c.sock.settimeout(DEADLINE)
            c.reply()
        a.resume()
        b.resume()
        self.ens.wait_serving()
        self.assert_same_trees(self.ens.members)

    def test_sessions_and_ephemerals_outlive_the_leader(self):
        leader, (a, b) = self.ens.leader(), self.ens.followers()
        at_leader, at_follower = self.conn(leader.address), self.conn(a.address)
        root = at_leader.create(self.fresh())
        at_follower.sync()
        one = at_leader.create(root + "/one", flags=wire.EPHEMERAL)
        two = at_follower.create(root + "/two", flags=wire.EPHEMERAL)
        leader.kill()
        self.ens.wait_serving()
        moved = self.conn(b.address, connect=False)
        self.assertEqual(moved.resume(at_leader.session).id, at_leader.session.id)
        again = self.conn(a.address, connect=False)
        self.assertEqual(again.resume(at_follower.session).id, at_follower.session.id)
        for c in (moved, again):
            c.sync()
            self.assertEqual(c.children(root), ["one", "two"])
        self.assertEqual(moved.exists(one).ephemeral_owner, at_leader.session.id)
        moved.close_session()
        again.sync()
        self.assertIsNone(again.exists(one))
        self.assertIsNotNone(again.exists(two))

    def test_a_session_that_nobody_continues_expires_under_the_new_leader(self):
        leader, (a, b) = self.ens.leader(), self.ens.followers()
        c = self.conn(leader.address, timeout=2000)
        path = c.create(self.fresh(), flags=wire.EPHEMERAL)
        watcher = self.conn(a.address, timeout=30000)
        watcher.sync()
        self.assertIsNotNone(watcher.exists(path))
        leader.kill()
        self.ens.wait_serving()
        watcher = self.conn(b.address, timeout=30000)
        watcher.sync()
        if watcher.exists(path, watch=True):
            watcher.sock.settimeout(DEADLINE)
            self.assertEqual(watcher.event(), (wire.DELETED, 3, path))


class Returning(EnsembleCase):
    """A member that was away catches up, whatever it missed, and serves what the others have."""

    def check_return(self, count, load=True, data=b"x" * 20):
        ens = self.ensemble(3).start()
        leader, (a, b) = ens.leader(), ens.followers()
        root = self.root(leader)
        self.fill(leader, root, 50)
        a.kill()
        self.fill(leader, root, count, data)
        w = self.writer(leader.hosts, root) if load else None
        a.start()
        a.wait_serving()
        if w:
            self.wait_progress(w, "after the return")
            self.check_record(ens.members, root, w.stop())
        else:
            self.assert_same_trees(ens.members, root)
        self.assertIs(ens.leader(), leader)
        # What it got is on its disk too: let it be needed, and lead if it will.
        b.kill()
        leader.kill()
        b.start()
        ens.wait_serving()
        self.assertEqual(len([p for p in self.assert_same_trees([a, b], root) if "/f-" in p]), 50 + count)

    def test_nothing_was_missed(self):
        self.check_return(0, load=False)

    def test_a_few_were_missed(self):
        self.check_return(100)

    def test_more_than_five_hundred_were_missed(self):
        self.check_return(800)

    def test_several_thousand_were_missed(self):
        self.check_return(6000)

    def test_large_ones_were_missed(self):
        self.check_return(60, data=bytes(range(256)) * 1000)

    def test_a_member_that_lost_its_disk(self):
        ens = self.ensemble(3).start()
        leader, (a, _) = ens.leader(), ens.followers()
        root = self.root(leader)
        self.fill(leader, root, 300)
        a.kill()
        shutil.rmtree(a.folder)
        ens.write_cfg(a)
        self.assertEqual(os.listdir(a.folder), ["myid"])
        a.start()
        a.wait_serving()
        self.assert_same_trees(ens.members, root)

    def test_a_leader_whose_last_proposal_nobody_got_forgets_it(self):
        ens = self.ensemble(3).start()
        leader, (a, b) = ens.leader(), ens.followers()
        root = self.root(leader)
        c = self.conn(leader.address)
        a.pause()
        b.pause()
        # Only the leader can log these.
        for n in range(20):
            c.send(wire.CREATE, wire.create("%s/lost-%d" % (root, n)))
        c.send(wire.PING, xid=wire.PING_XID)
        wait_for("the leader to have taken the requests", lambda: int(leader.srvr().get("Outstanding", 0)) >= 20)
        leader.kill()
        a.kill()
        b.kill()
        a.start()
        b.start()
        ens.wait_serving()
        self.fill(a, root, 5)
        leader.start()
        leader.wait_serving()
        tree = self.assert_same_trees(ens.members, root)
        self.assertEqual([p for p in tree if "lost" in p], [])
        self.assertEqual(len([p for p in tree if "/f-" in p]), 5)


class Restarts(EnsembleCase):
    def test_kill_of_all_at_once_keeps_everything_acknowledged(self):
        ens = self.ensemble(3).start()
        root = self.root(ens[1])
        writers = [self.writer(ens.hosts, root, "k%d" % k) for k in range(2)]
        for _ in range(3):
            for w in writers:
                self.wait_progress(w, "before the kill", 50)
            for m in ens.members:
                m.process.kill()
            for m in ens.members:
                m.kill()
            ens.start()
        for w in writers:
            self.wait_progress(w, "after the last restart")
        self.check_record(ens.members, root, *[w.stop() for w in writers])

    def test_an_orderly_restart_of_all(self):
        ens = self.ensemble(3).start()
        root = self.root(ens[1])
        self.fill(ens[2], root, 200)
        before = self.assert_same_trees(ens.members, root)
        for m in ens.members:
            m.stop()
        ens.start()
        self.assertEqual(self.assert_same_trees(ens.members, root), before)

    def test_rolling_restarts_under_load(self):
        ens = self.ensemble(3).start()
        root = self.root(ens[1])
        w = self.writer(ens.hosts, root)
        for m in ens.members:
            self.wait_progress(w, "before the next restart")
            m.restart()
            ens.wait_serving()
        self.wait_progress(w, "after the restarts")
        self.check_record(ens.members, root, w.stop())

    def test_a_single_server_keeps_everything_acknowledged(self):
        ens = self.ensemble(1).start()
        m = ens[1]
        root = self.root(m)
        w = self.writer(m.hosts, root)
        for _ in range(3):
            self.wait_progress(w, "before the kill", 50)
            m.kill()
            m.start()
            m.wait_serving()
        self.wait_progress(w, "after the last restart")
        self.check_record([m], root, w.stop())

    def test_sessions_outlive_a_restart_of_all(self):
        ens = self.ensemble(3).start()
        c = self.conn(ens[1].address, timeout=20000)
        path = c.create(self.fresh(), flags=wire.EPHEMERAL)
        for m in ens.members:
            m.kill()
        ens.start()
        d = self.conn(ens[2].address, connect=False)
        self.assertEqual(d.resume(c.session).id, c.session.id)
        d.sync()
        self.assertEqual(d.exists(path).ephemeral_owner, c.session.id)

    def test_zxids_only_grow_over_restarts(self):
        ens = self.ensemble(3).start()
        last = 0
        for _ in range(3):
            zxid = self.conn(ens[1].address).ok(wire.CREATE, wire.create(self.fresh())).zxid
            self.assertGreater(zxid >> 32, last >> 32)
            last = zxid
            for m in ens.members:
                m.kill()
            ens.start()


class Strangers(EnsembleCase):
    """Bytes that no member would send arrive at the quorum and election ports while a load goes on."""

    @classmethod
    def setUpClass(cls):
        cls.ens = Ensemble(3).start()

    @classmethod
    def tearDownClass(cls):
        cls.ens.close()

    def during_load(self, attack):
        """Run attack(port) against every quorum and election port; the load must not lose even its connection."""
        leader = self.ens.leader()
        zxid = leader.zxid()
        contexts = [Undisturbed(m.address, self.fresh()) for m in self.ens.members]
        for c in contexts:
            c.__enter__()
        try:
            for m in self.ens.members:
                for port in (m.quorum_port, m.election_port):
                    attack(m, port)
        except BaseException:
            for c in contexts:
                c.__exit__(Exception)
            raise
        for c in contexts:
            c.__exit__(None)
        self.assertIs(self.ens.leader(), leader)
        self.assertEqual(leader.zxid() >> 32, zxid >> 32, "there was an election")

    def send(self, port, data, wait=False):
        """Send data; with wait, read until the other side closes. A port that nobody listens on is fine."""
        try:
            s = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        except ConnectionRefusedError:
            return
        self.addCleanup(s.close)
        try:
            s.sendall(data)
            if wait:
                while s.recv(4096):
                    pass
        except ConnectionError:
            pass
        if not wait:
            s.close()

    def test_random_bytes(self):
        rnd = random.Random(3)

        def attack(_, port):
            for _ in range(20):
                self.send(port, bytes(rnd.randrange(256) for _ in range(rnd.randrange(1, 300))))
        self.during_load(attack)

    def test_connections_that_say_nothing(self):
        held = []

        def attack(_, port):
            for _ in range(5):
                try:
                    s = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
                except ConnectionRefusedError:
                    continue
                self.addCleanup(s.close)
                held.append(s)
        self.during_load(attack)
        self.assertTrue(held)
        self.during_load(lambda m, port: None)

    HALF_ELECTION = wire.q(-65536) + wire.q(2) + wire.i(15) + b"127.0"
    HALF_QUORUM = wire.i(11) + wire.q(0) + wire.i(20) + b"half"

    def half(self, m, port):
        return self.HALF_ELECTION if port == m.election_port else self.HALF_QUORUM

    def test_half_a_handshake(self):
        self.during_load(lambda m, port: self.send(port, self.half(m, port)))

    def test_an_election_while_strangers_hold_half_open_connections(self):
        ens = self.ensemble(3).start()
        for m in ens.members:
            for port in (m.quorum_port, m.election_port):
                for data in (b"", self.half(m, port)):
                    try:
                        s = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
                    except ConnectionRefusedError:
                        continue
                    self.addCleanup(s.close)
                    s.sendall(data)
        leader = ens.leader()
        leader.kill()
        ens.wait_serving()
        leader.start()
        ens.wait_serving()
        self.assert_same_trees(ens.members)

    def test_lengths_that_cannot_be(self):
        def attack(m, port):
            for n in (-1, -2147483648, 0x7fffffff, 0, 2049):
                if port == m.election_port:
                    self.send(port, wire.q(-65536) + wire.q(99) + wire.i(n) + b"127.0.0.1:1")
                else:
                    self.send(port, wire.i(11) + wire.q(0) + wire.i(n) + wire.q(99) + wire.i(0x10000) + wire.q(0))
        self.during_load(attack)

    def test_an_unknown_protocol_version_at_the_election_port(self):
        def attack(m, port):
            for version in (-1, -2, -65537, -9223372036854775808):
                self.send(port, wire.q(version) + wire.q(2) + wire.buf("127.0.0.1:%d" % m.election_port))
        self.during_load(attack)

    def test_a_stranger_votes_for_itself(self):
        vote = (wire.i(0) + wire.q(99) + wire.q((1 << 62)) + wire.q(1 << 40) + wire.q(1 << 30) + wire.i(2) + wire.buf(""))

        def attack(m, port):
            if port == m.election_port:
                self.send(port, wire.q(-65536) + wire.q(99) + wire.buf("127.0.0.1:1") + wire.buf(vote))
        self.during_load(attack)

    def test_a_learner_that_nobody_knows(self):
        """An unknown sid may connect as a learner; what it then says must hurt nobody."""
        info = wire.q(99) + wire.i(0x10000) + wire.q(0)

        def attack(m, port):
            if port != m.quorum_port:
                return
            for packet in (wire.i(11) + wire.q(0) + wire.buf(info) + wire.i(-1),
                           wire.i(16) + wire.q(0) + wire.buf(info) + wire.i(-1),
                           wire.i(3) + wire.q(1) + wire.i(-1) + wire.i(-1),
                           wire.i(11) + wire.q(0) + wire.i(-1) + wire.i(-1),
                           wire.i(11) + wire.q(0) + wire.buf(info) + wire.i(0x7fffffff)):
                self.send(port, packet)
                self.send(port, packet + bytes(random.Random(9).randrange(256) for _ in range(100)))
        self.during_load(attack)

    def test_a_member_can_still_come_back_afterwards(self):
        follower = self.ens.followers()[0]
        with Undisturbed(self.ens.leader().address, self.fresh()):
            follower.kill()
            follower.start()
            follower.wait_serving()
        self.assert_same_trees(self.ens.members)


class BothClients(EnsembleCase):
    """The Apache C client and kazoo work side by side."""

    def test_a_load_of_both(self):
        need_c_client(self)
        ens = self.ensemble(3).start()
        root = self.root(ens[1])
        c = CWriter(ens.hosts, root, "c").start()
        self.addCleanup(c.end)
        w = self.writer(ens.hosts, root, "k")
        self.wait_progress(c, "by the C client", 200)
        self.wait_progress(w, "by kazoo", 200)
        self.check_record(ens.members, root, c.stop(), w.stop())


if __name__ == "__main__":
    harness.main()
