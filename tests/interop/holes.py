"""Holes in the log of an Apache ZooKeeper 3.8.0 member, told from any other difference by the member's own files.

A follower applies what a quorum has committed, also what it has not logged itself yet. When it then loses its leader (the leader
died, or it was silent for too long), 3.8.0 drops what its log thread still had to write, keeps the tree, and joins the next
leader with the tree's zxid: it is sent what comes after that, and what was dropped is never in its log (ZOOKEEPER-4712). After
its next start it lacks those transactions. It happens among Apache's members alone, and no leader can know of it.

A difference is such a member's own loss only when the transaction behind it is not in its log, though the member has said in an
election that it has it, and has logged later ones.
"""
import glob
import os
import re
import struct

HEADER, TXN_HEAD, EOR = 16, 12, 0x42
CLAIM = re.compile(r"New election\. My id = +\d+, proposed zxid=0x([0-9a-f]+)")


def logged(member):
    """The zxids in a member's log files."""
    found = set()
    for name in glob.glob(os.path.join(member.folder, "**", "log.*"), recursive=True):
        with open(name, "rb") as f:
            data = f.read()
        at = HEADER
        while at + TXN_HEAD <= len(data):
            (length,) = struct.unpack_from(">i", data, at + 8)
            end = at + TXN_HEAD + length
            if length < 32 or end >= len(data) or data[end] != EOR:
                break
            found.add(struct.unpack_from(">q", data, at + TXN_HEAD + 12)[0])
            at = end + 1
    return found


def claimed(member):
    """The zxids that a member proposed itself with, in elections."""
    with open(member.log, errors="replace") as f:
        return [int(m.group(1), 16) for m in CLAIM.finditer(f.read())]


class Holes:
    """Of one member, as its files are now."""

    def __init__(self, member):
        log, claims = logged(member), claimed(member)
        self.ranges = []
        zxids = sorted(log)
        for before, after in zip(zxids, zxids[1:]):
            last = after - 1 if after >> 32 == before >> 32 else max((c for c in claims if c >> 32 == before >> 32), default=0)
            if last > before and any(before < c and c >> 32 == before >> 32 for c in claims):
                self.ranges.append((before + 1, last))

    def has(self, zxid):
        return any(first <= zxid <= last for first, last in self.ranges)

    def after(self, zxid):
        return any(last > zxid for _, last in self.ranges)

    def unexplained(self, tree, other):
        """Where the member's tree, other, differs from tree for another reason; and in how many znodes for this one."""
        differ = {p for p in set(tree) | set(other) if tree.get(p) != other.get(p)}
        lost = {p for p in differ if self.explains(tree.get(p), other.get(p))}
        parents = {p.rsplit("/", 1)[0] or "/" for p in lost}
        rest = [p for p in differ - lost if not (p in parents and p in tree and p in other
                                                 and self.same_but_children(tree[p], other[p]))]
        return sorted(rest), len(lost)

    def explains(self, right, own):
        """The member missed what made, changed, or (later than it was made) deleted a znode."""
        if right is None:
            return self.after(own[1].czxid)
        return self.has(right[1].czxid if own is None else right[1].mzxid)

    @staticmethod
    def same_but_children(a, b):
        def rest(v):
            return v[0], v[1]._replace(cversion=0, num_children=0, pzxid=0), v[2]
        return rest(a) == rest(b)
