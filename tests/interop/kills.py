"""Random kills under a load, by seed: members of both engines are killed, hung and brought back while clients of both kinds
write and remember what was acknowledged; at the end every member is asked for all of it."""
import json
import os
import random
import time

import holes
import mixed
import ensemble
from ensemble import wait_for
from load import CWriter, check
from test_returns import LoadCase


class RandomKills(LoadCase):
    """`word`, `seconds` and `seed` are set by whoever runs it; so are `history`, a file for what happened, and whether members are
    `hung` besides being killed.

    Hanging provokes what Apache ZooKeeper 3.8.0 does wrong by itself: see holes.py; and a member that hangs right after NEWLEADER
    has the new epoch on disk but not the history (ZOOKEEPER-4643), wins the next election by that epoch, and makes the
    others drop what was acknowledged. zkserver then ends with exit code 13 rather than to drop it."""

    word, seconds, seed, history, hung = "oaoao", 60.0, 1, None, False

    def runTest(self):
        self.rnd = random.Random(self.seed)
        self.began = time.monotonic()
        self.events = []
        ens = self.mixed(self.word)
        root = self.root(ens[1])
        writers = self.writers(ens, root, 3)
        try:
            writers.append(self.c_writer(ens, root))
        except ensemble.NotAvailable:
            self.say("without the Apache C client")
        try:
            while time.monotonic() - self.began < self.seconds:
                self.disturb(ens, writers)
            self.wait_progress(writers, "at the end")
            acked = sum(w.acked() for w in writers)
            records = [w.stop() for w in writers]
            tree = self.compare(ens)
            self.assertEqual(check({p: v[:2] for p, v in tree.items() if p.startswith(root)}, root, records), [])
            # Whoever has a hole misses the digests of what comes behind it.
            self.assertEqual([c for c in ens.complaints() if not (c.split(":")[0] in self.holes and "igest" in c)], [])
        except BaseException:
            self.keep(ens, writers)
            raise
        self.say("%d disturbances, %d writes acknowledged, none lost on %d members"
                 % (len(self.events), acked, len(ens.members)), True)

    def compare(self, ens):
        """The tree, which is the same on all members; but for what a member of Apache's has lost by itself."""
        ours = ens.of("ours") or ens.members
        trees = {m: mixed.read_all(m.address, self.AUTH) for m in ours + ens.of("apache")}
        tree = trees[ours[0]]
        found = {m: holes.Holes(m) for m in ens.of("apache")}
        self.holes = {str(m) for m in found if found[m].ranges}
        for m, other in trees.items():
            if other == tree:
                continue
            unexplained, lacks = found[m].unexplained(tree, other) if m in found else (["all"], 0)
            shown = "".join("\n  %s: %.300r, %.300r" % (p, tree.get(p), other.get(p)) for p in unexplained[:5])
            self.assertEqual(unexplained, [], "%s (%s) and %s (%s) differ:%s" % (ours[0], ours[0].engine, m, m.engine, shown))
            self.say("%s (apache) lacks %d znodes: holes in its own log (ZOOKEEPER-4712, see holes.py)" % (m, lacks), True)
        return tree

    def c_writer(self, ens, root):
        w = CWriter(ens.hosts, root, "c")
        self.addCleanup(w.end)
        return w.start()

    def say(self, text, show=False):
        self.events.append("%8.3f %s" % (time.monotonic() - self.began, text))
        if show or os.environ.get("INTEROP_VERBOSE"):
            print("# " + self.events[-1], flush=True)

    def some(self, ens, most):
        """A random minority of the voters, the leader more often than not among them, and any observers."""
        leader = ens.leader()
        found = self.rnd.sample(ens.members, self.rnd.randint(1, most))
        if leader not in found and self.rnd.random() < 0.5:
            found[0] = leader
        return found

    def disturb(self, ens, writers):
        minority = max(1, (len(ens.voters()) - 1) // 2)
        what = self.rnd.choices(["kill", "kill all", "restart in a hurry", "hang"], [6, 1, 2, 2 * self.hung])[0]
        members = list(ens.members) if what == "kill all" else self.some(ens, minority)
        self.say("%s %s" % (what, ["%s(%s)" % (m, m.engine) for m in members]))
        if what == "hang":
            self.hang(members)
        else:
            for m in members:
                m.process.kill()
            for m in members:
                m.kill()
            if what == "kill":
                self.wait_progress(writers, "without %s" % members, self.rnd.choice([1, 20, 200]))
            for m in self.rnd.sample(members, len(members)):
                m.start()
        ens.wait_serving()
        self.wait_progress(writers, "after %s %s" % (what, members), self.rnd.choice([1, 20, 100]))

    def hang(self, members):
        """Nothing is answered for a while: shorter or longer than syncLimit."""
        until = time.monotonic() + self.rnd.uniform(0.1, 4.0)
        for m in members:
            m.pause()
        wait_for("the pause to be over", lambda: time.monotonic() >= until)
        for m in members:
            m.resume()

    def keep(self, ens, writers):
        """Writes what happened to `history`, for whoever looks for the cause."""
        self.say("failed", True)
        if not self.history:
            return
        os.environ["E2E_KEEP"] = "1"
        with open(self.history, "w") as f:
            json.dump({"seed": self.seed, "ensemble": self.word, "folder": ens.folder, "events": self.events,
                       "records": {w.name: vars(w.record) for w in writers}}, f, indent=1, default=list)
        self.say("the history is in %s, data and logs in %s" % (self.history, ens.folder), True)


def case(word, seconds, seed, history=None, hung=False):
    """A test to run."""
    test = RandomKills()
    test.word, test.seconds, test.seed, test.history = word, seconds, seed, history
    test.hung = hung
    return test
