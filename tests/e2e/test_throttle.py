#!/usr/bin/env python3
"""Limits of requests under way and of sessions asked for, as a client feels them."""

import harness
import wire
from ensemble import wait_for

THROTTLED = -127


class Requests(harness.Case):
    """The pipeline of a leader is full while its followers stand still: whoever comes then waits at the gate."""

    def begin(self, **options):
        options = {k.replace("__", "."): v for k, v in options.items()}
        ens = self.ensemble(3, options=dict({"request_throttle_max_requests": 1, "syncLimit": 100}, **options)).start()
        self.leader, self.others = ens.leader(), ens.followers()
        self.a, self.b = self.conn(self.leader.address), self.conn(self.leader.address, timeout=1000)
        self.a.create("/a")

    def metric(self, name):
        lines = dict(line.split("\t", 1) for line in (self.leader.word("mntr") or "").strip().split("\n") if "\t" in line)
        return int(lines.get("zk_" + name, -1))

    def fill(self):
        for m in self.others:
            m.pause()
        self.a.send(wire.SET, wire.set_data("/a", b"x"))
        wait_for("the pipeline to be full", lambda: self.metric("outstanding_requests") == 1)

    def empty(self):
        for m in self.others:
            m.resume()
        self.assertEqual(self.a.reply().err, 0)

    def waits(self, times):
        wait_for("somebody to wait", lambda: self.metric("request_throttle_wait_count") >= times)

    def test_what_is_above_the_limit_waits_and_is_answered(self):
        self.begin()
        self.fill()
        self.b.send(wire.EXISTS, wire.watched("/a"))
        self.waits(2)
        self.b.sock.settimeout(0.2)
        with self.assertRaises(AssertionError):
            self.b.recv()
        self.b.sock.settimeout(30)
        self.empty()
        self.assertEqual(self.b.reply().err, 0)

    def test_what_waited_too_long_is_not_done(self):
        self.begin(throttled_op_wait_time=150)
        self.fill()
        self.b.send(wire.CREATE, wire.create("/b"))
        self.waits(4)  # looked at every 100 ms
        self.empty()
        self.assertEqual(self.b.reply().err, THROTTLED)
        self.assertEqual(self.metric("throttled_ops"), 1)
        self.assertIsNone(self.b.exists("/b"))
        self.b.create("/b")

    def test_what_a_client_asked_that_went_is_dropped(self):
        self.begin()
        self.fill()
        self.b.send(wire.CREATE, wire.create("/b"))
        self.b.send(wire.CREATE, wire.create("/c"))
        self.waits(1)
        self.b.drop()
        self.empty()
        wait_for("it to be dropped", lambda: self.metric("stale_requests_dropped") == 1)
        self.assertEqual((self.a.exists("/b"), self.a.exists("/c")), (None, None))

    def test_or_done_where_that_is_configured(self):
        self.begin(request_throttle_drop_stale="false")
        self.fill()
        self.b.send(wire.CREATE, wire.create("/b"))
        self.waits(1)
        self.b.drop()
        before = self.metric("num_alive_connections")
        wait_for("the connection to be gone", lambda: self.metric("num_alive_connections") < before or before <= 2)
        self.empty()
        wait_for("it to be done", lambda: self.a.exists("/b") is not None)
        self.assertGreaterEqual(self.metric("stale_requests"), 1)
        self.assertEqual(self.metric("stale_requests_dropped"), 0)

    def test_what_waits_longer_than_its_session_is_dropped_with_its_connection(self):
        self.begin(request_stale_latency_check="true")
        self.fill()
        self.b.send(wire.CREATE, wire.create("/b"))
        self.b.expect_close()
        self.assertEqual(self.metric("stale_requests_dropped"), 1)
        self.empty()
        self.assertIsNone(self.a.exists("/b"))


class Sessions(harness.Case):
    def metric(self, name):
        return self.lines()["zk_" + name]

    def lines(self):
        return dict(line.split("\t", 1) for line in self.m.word("mntr").strip().split("\n"))

    def begin(self, **options):
        self.m = self.ensemble(1, options={"connection_throttle_" + k: v for k, v in options.items()}).start()[1]

    def test_who_comes_too_soon_is_turned_away(self):
        self.begin(tokens=2, fill_time=1000000)
        first = self.conn(self.m.address)
        self.conn(self.m.address)
        with self.assertRaises(wire.Closed):
            self.conn(self.m.address)
        with self.assertRaises(wire.Closed):
            self.conn(self.m.address, connect=False).resume(first.session)
        self.assertEqual(self.metric("connection_rejected"), "2")
        self.assertEqual(self.metric("max_connection_token_deficit"), "2")
        self.assertIsNotNone(first.exists("/"))

    def test_tokens_come_back(self):
        self.begin(tokens=1, fill_time=400)
        a = self.kazoo(self.m.hosts)
        b = self.kazoo(self.m.hosts)  # it tries again and again
        self.assertGreater(int(self.metric("connection_rejected")), 0)
        a.create("/a", b"")
        self.assertIsNotNone(b.exists("/a"))

    def test_sessions_have_weights(self):
        self.begin(tokens=2, fill_time=1000000, weight_enabled="true")
        a = self.conn(self.m.address)                                     # 3 of 6
        self.conn(self.m.address, connect=False).resume(a.session)        # 2
        with self.assertRaises(wire.Closed):
            self.conn(self.m.address)
        self.assertEqual(self.metric("max_connection_token_deficit"), "5")

    def test_the_chance_to_be_refused_grows(self):
        self.begin(tokens=1, fill_time=1000000, freeze_time=1, drop_increase=0.5)
        self.conn(self.m.address)

        def refused():
            with self.assertRaises(wire.Closed):
                self.conn(self.m.address)
            return self.metric("connection_drop_probability") == "1.0"
        wait_for("everybody to be refused", refused)


if __name__ == "__main__":
    harness.main()
