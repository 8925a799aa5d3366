#!/usr/bin/env python3
"""Every verb under --json: objects, one a line, with the fields that docs/events.md names; and every verb and option of the help has
an end-to-end test that gives it."""
import json
import os
import re
import subprocess

import ensemble
import harness
import test_faults

HERE = os.path.dirname(os.path.abspath(__file__))
DOCS = os.path.join(HERE, "..", "..", "docs", "events.md")
# What prints no objects: docs/events.md says so.
SCRIPTS = {"completion", "run"}


def quoted(text):
    return set(re.findall(r"`([^`]+)`", text))


class Docs:
    """What docs/events.md says of fields."""

    def __init__(self):
        with open(DOCS) as f:
            text = f.read()
        facts, incidents, rest = (text.split("## " + s)[1].split("\n## ")[0]
                                  for s in ("Facts", "Incidents", "What --json prints"))
        self.facts = {}
        for row in self.rows(facts):
            for kind in quoted(row[0]):
                self.facts.setdefault(kind, set()).update(quoted(row[1]))
        fields = [row for row in self.rows(incidents) if len(row) == 2]
        self.incident = {f for row in fields for f in quoted(row[0])}
        self.attached = {f for row in fields if row[1].startswith("attached:") for f in quoted(row[0])}
        self.commands = {}
        for row in self.rows(rest):
            for command in quoted(row[0]):
                self.commands.setdefault(command, []).append((quoted(row[2]), quoted(row[3])))
        always, at_times = rest.split("Each of an ensemble's")[1].split("Its `faults`")[0].split("; `last`")
        self.server = quoted(always) - {"servers"}
        self.server_at_times = quoted("`last`" + at_times)
        self.fault = quoted(rest.split("Its `faults`")[1])

    @staticmethod
    def rows(section):
        lines = [l.strip() for l in section.splitlines() if l.startswith("|")]
        return [[c.strip() for c in l.strip("|").split("|")] for l in lines if not re.match(r"^\|[ |-]*$", l)]


class Json(test_faults.Case):
    def setUp(self):
        super().setUp()
        self.docs = Docs()
        self.seen = set()

    def verbs(self):
        return [json.loads(l)["name"] for l in self.ok(None, "--json", "help").splitlines()]

    def objects(self, folder, verb, *args, code=0):
        status, out, err = self.pc(folder, "--json", verb, *args)
        self.assertEqual(status, code, "%s %s: %s%s" % (verb, args, out, err))
        self.seen.add(verb)
        lines = [json.loads(l) for l in out.splitlines()]
        for o in lines:
            self.assertIsInstance(o, dict)
            self.check(verb, o)
        return lines

    def complaint(self, verb, o):
        """What the documentation lacks, or has too much."""
        best = min(self.docs.commands[verb], key=lambda c: len(c[0] - set(o)) + len(set(o) - c[0] - c[1]))
        return "%s: not documented %s, not there %s" % (verb, sorted(set(o) - best[0] - best[1]), sorted(best[0] - set(o)))

    def check(self, verb, o):
        """This object has the fields that are documented, and no others."""
        if "fact" in o and o["fact"] not in ("torture", "cluster"):
            self.assertLessEqual(set(o) - {"t", "sid", "fact", "op", "verb", "within_us"}, self.docs.facts.get(o["fact"], set()), o)
            self.assertIn(o["fact"], self.docs.facts)
            return
        if verb == "timeline":
            self.assertEqual(set(o) | self.docs.attached, self.docs.incident, o)
            for fact in o["facts"]:
                self.check("kill", fact)
            return
        fits = [1 for always, others in self.docs.commands[verb] if always <= set(o) <= always | others]
        self.assertTrue(fits, self.complaint(verb, o))
        for server in o.get("servers", ()) if verb != "torture" and "end" not in o else ():
            self.assertLessEqual(set(server), self.docs.server | self.docs.server_at_times, server)
            self.assertLessEqual(self.docs.server, set(server), server)
            self.assertLessEqual(set(server["faults"]), self.docs.fault, server)
        for server in o["servers"] if "end" in o and "servers" in o else ():
            self.assertEqual(set(server), {"id", "role", "state"})

    def test_every_verb(self):
        folder, file = self.cluster(), os.path.join(self.folder, "all.json")
        run = lambda *args, **kw: self.objects(folder, *args, **kw)
        run("up", "3")
        zk = self.kazoo(self.status(folder)["connect"], timeout=20.0)
        zk.create("/a", b"\xff", ephemeral=True)
        zk.transaction().create("/b", b"x")
        zk.create("/b", b"x")
        t = zk.transaction()
        t.create("/b/c")
        t.delete("/nix")
        t.commit()
        self.break_everything(run)
        zk = self.kazoo(self.status(folder)["connect"], timeout=20.0)
        zk.create("/mine", ephemeral=True)
        for args in (("expire", "--owner", "/mine"), ("timeline",), ("why",), ("why", "zoo1"),
                     ("why", hex(zk.client_id[0])), ("assert", "serving", "=", "3"), ("logs", "-n", "2"), ("tree",), ("log",),
                     ("diff", "1", "2"), ("save", "base"), ("save", "--list"), ("reset", "base"), ("save", "--delete", "base"),
                     ("export", file), ("import", file, "--merge"), ("export", "--apache", file + "-apache"),
                     ("import", "--apache", file + "-apache", "--replace"), ("ps",), ("env",), ("version",), ("help",),
                     ("help", "kill"), ("status",)):
            self.assertTrue(run(*args), args)
        run("torture", "--here", "--seconds", "1", "--clients", "2")
        self.attached(self.status(folder)["connect"])
        self.watched(folder)
        run("status", code=3)
        self.assertEqual(self.seen, set(self.verbs()) - SCRIPTS)

    def break_everything(self, run):
        for args in (("kill", "leader"), ("restart", "all"), ("stop", "follower"), ("up",), ("pause", "follower"), ("resume", "all"),
                     ("partition", "1", "/", "2,3"), ("heal",), ("isolate", "follower", "--one-way", "in"),
                     ("slow", "1", "--delay", "2ms", "--jitter", "1ms"), ("drop-clients", "1", "--refuse"), ("drop-clients", "2", "--cut"),
                     ("disk", "1", "slow", "1ms"), ("clock", "1", "+1s"), ("kill", "leader", "--at", "commit", "--power-loss"),
                     ("status",), ("heal",), ("stepdown",), ("kill", "follower", "--power-loss"), ("restart", "all"),
                     ("disk", "follower", "full"), ("disk", "all", "ok"), ("wait", "serving"), ("add", "--observer"), ("remove", "4")):
            self.assertTrue(run(*args), args)
        for args in (("kill", "9"), ("heal",), ("expire", "0x1")):
            end = run(*args, code=4)[-1]
            self.assertEqual(end["exit"], 4)
            self.assertTrue(end["error"])

    def attached(self, connect):
        """The same ensemble as somebody else's."""
        folder = self.cluster("attached")
        for args in (("attach", connect), ("status",), ("tree",), ("diff", "1", "2"), ("timeline",), ("why",), ("down",)):
            self.assertTrue(self.objects(folder, *args) or args[0] == "timeline", args)

    def watched(self, folder):
        """`watch` until the cluster goes down."""
        watch = subprocess.Popen([ensemble.program("pseudo-cluster"), "-C", folder, "--json", "watch"], env=self.env, text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        first = json.loads(watch.stdout.readline())
        self.assertEqual(first["fact"], "cluster")
        self.objects(folder, "down")
        out, _ = watch.communicate(timeout=ensemble.DEADLINE)
        for line in out.splitlines():
            self.check("watch", json.loads(line))
        self.seen.add("watch")

    def test_verbs_and_options_all_have_a_test(self):
        """There is a file that gives the verb, and with it each of its options, long or short."""
        texts = []
        for name in sorted(os.listdir(HERE)):
            if name.startswith("test_") and not name.startswith("test_json"):
                with open(os.path.join(HERE, name)) as f:
                    texts.append(f.read())
        missing = []
        for verb in self.verbs():
            of_verb = [t for t in texts if re.search(r"""["' ]%s["' ,]""" % verb, t)]
            for forms in self.options(verb) or [("", )]:
                if not [t for t in of_verb for form in forms if re.search(r"""["' ]%s["' =\n]""" % form, t)]:
                    missing.append("%s %s" % (verb, forms[-1]))
        self.assertEqual(missing, [])

    def options(self, verb):
        """Each as its forms: ("-q", "--quiet")."""
        help = json.loads(self.ok(None, "--json", "help", verb))["help"]
        found = re.findall(r"(?m)^ {1,4}(-\w)?(?:, )?(--[a-z-]+)?(?:, (-\w))?(?= |$)", help)
        forms = {tuple(f for f in one if f) for one in found}
        return sorted(f for f in forms if f and not {"--json", "--timeout"} & set(f))


if __name__ == "__main__":
    harness.main()
