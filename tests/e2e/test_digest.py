#!/usr/bin/env python3
"""The tree's digest: what a server says of itself is what a client makes of what it reads, before and after every kind of restart;
and a record that was changed on the disk shows."""
import os
import re
import sqlite3
import struct
import urllib.request
import zlib

import ensemble
import harness
import wire

INTERVAL = 128


def digest(c):
    """Of all that this client sees, made anew: DigestCalculator.java, version 2. Without containers and TTL znodes, whose owner is
    not shown."""
    total, paths = 0, ["/"]
    while paths:
        path = paths.pop()
        data, stat = c.get(path)
        stored = (stat.cversion + stat.num_children) // 2
        summed = ("" if path == "/" else path).encode() + (data or b"") + struct.pack(
            ">qqqqqiiiq", stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime, stat.version, stored, stat.aversion,
            stat.ephemeral_owner)
        total += zlib.crc32(summed)
        if path != "/zookeeper":
            paths += [path.rstrip("/") + "/" + name for name in c.children(path)]
    return total


def record_sum(zxid, record):
    """As docs/storage.md has it."""
    total = 0xcbf29ce484222325
    for piece in (struct.pack(">q", zxid), record):
        whole = len(piece) // 8 * 8
        for number in struct.unpack(">%dQ" % (whole // 8), piece[:whole]) + tuple(piece[whole:]):
            total = (total ^ number) * 0x100000001b3 % 2**64
    return (total ^ total >> 32) & 0xffffffff


def metrics(port):
    with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port, timeout=ensemble.DEADLINE) as answer:
        return answer.read().decode()


class Digest(harness.Case):
    def to_the_next(self, c, path):
        """Writes up to the next transaction that is logged; returns its zxid."""
        while True:
            zxid = c.ok(wire.SET, wire.set_data(path, os.urandom(20))).zxid
            if zxid % INTERVAL == 0:
                return zxid

    def logged(self, m):
        lines = m.word("hash").splitlines()
        return {int(zxid, 16): int(said) for zxid, said in (line.split(": ") for line in lines)}

    def mismatches(self, m):
        return re.search(r"zk_digest_mismatches_count\t(\d+)", m.word("mntr")).group(1)

    def fill(self, c, root):
        c.create(root, None)
        for n in range(60):
            path = c.create("%s/\u00fc-" % root, b"x" * (7 * n), wire.SEQUENTIAL)
            if n % 2:
                c.set(path, None if n % 4 == 1 else b"changed")
            if n % 5 == 0:
                c.ok(wire.DELETE, wire.versioned(path))
            c.create("%s/eph-%d" % (root, n), b"e", wire.EPHEMERAL)
        c.multi(*[(wire.CREATE, wire.create("%s/m%d" % (root, n))) for n in range(50)])
        c.multi((wire.SET, wire.set_data(root, b"never")), (wire.DELETE, wire.versioned(root + "/none")))
        c.ok(wire.SET_ACL, wire.buf(root) + wire.vec(wire.acl(wire.OPEN)) + wire.i(-1))
        c.set("/", b"the root")

    def check(self, n):
        ens = self.ensemble(n, options={"snapCount": 150}).start()
        said = {}
        for ending in ("kill", "stop", "kill"):
            m = ens.leader()
            other = self.conn(m.address)
            other.create(self.fresh(), b"", wire.EPHEMERAL)
            other.close_session()
            with wire.Conn(m.address) as c:
                c.connect(timeout=60000)
                root = self.fresh()
                self.fill(c, root)
                zxid = self.to_the_next(c, root)
                said.update(self.logged(m))
                self.assertEqual(said[zxid], digest(c))
                c.close_session()
            for member in ens.members:
                getattr(member, ending)()
            for member in ens.members:
                member.start()
            ens.wait_serving()
            for member in ens.members:
                again = self.logged(member)
                self.assertEqual(again, {z: said[z] for z in again}, member)
                self.assertEqual(self.mismatches(member), "0")

    def test_a_single_server(self):
        self.check(1)

    def test_an_ensemble(self):
        self.check(3)

    def test_off_and_on_again(self):
        """What was written without digests is not compared, and what comes then is."""
        ens = self.ensemble(1, options={"digest.enabled": "false"}).start()
        m = ens[1]
        c = self.conn(m.address)
        self.fill(c, "/off")
        zxid = self.to_the_next(c, "/off")
        self.assertEqual(self.logged(m)[zxid], 0)
        c.close_session()
        ens.options["digest.enabled"] = "true"
        ens.write_cfg(m)
        m.restart().wait_serving()
        c = self.conn(m.address)
        zxid = self.to_the_next(c, "/off")
        self.assertEqual(self.logged(m)[zxid], digest(c))
        self.assertEqual(self.mismatches(m), "0")

    def test_a_changed_record_shows(self):
        """Somebody changes what is on the disk, checksum and all: the server starts, counts, tells, and serves what it has."""
        port = ensemble.ports.take()
        ens = self.ensemble(1, engines=["ours"], options={
            "metricsProvider.className": "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
            "metricsProvider.httpPort": port}).start()
        m = ens[1]
        c = self.conn(m.address)
        c.create("/a", b"0000")
        zxids = [c.ok(wire.SET, wire.set_data("/a", b"%04d" % n)).zxid for n in range(1, 9)]
        c.close_session()
        m.stop()
        with sqlite3.connect(os.path.join(m.folder, "log.db")) as db:
            for n in (3, 4, 6):
                zxid = zxids[n - 1]
                record = db.execute("select record from log where zxid = ?", (zxid,)).fetchone()[0]
                self.assertIn(b"%04d" % n, record)
                changed = record.replace(b"%04d" % n, b"none")
                was = db.execute("select sum from log where zxid = ?", (zxid,)).fetchone()[0]
                self.assertEqual(was & 0xffffffff, record_sum(zxid, record))
                db.execute("update log set record = ?, sum = ? where zxid = ?", (changed, record_sum(zxid, changed), zxid))
        db.close()
        m.start().wait_serving()
        self.assertEqual(self.mismatches(m), "3")
        self.assertIn("digest_mismatches_count 3.0\n", metrics(port))
        with open(m.log) as f:
            told = re.findall(r"WARN.*digest-mismatch zxid=0x([0-9a-f]+) expected=\d+ actual=\d+", f.read())
        self.assertEqual([int(zxid, 16) for zxid in told], [zxids[2], zxids[5]])  # the first of each row
        self.assertEqual(self.conn(m.address).get("/a")[0], b"0008")


if __name__ == "__main__":
    harness.main()
