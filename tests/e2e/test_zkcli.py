#!/usr/bin/env python3
"""The shell: the same commands through zkCli.sh's ZooKeeperMain and through zkcli on one server, line for line; exit codes; --json;
scripts; and a person at a terminal: editing, completion, history, Ctrl-C, Ctrl-D, a server that dies."""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True
import ensemble  # noqa: E402
import harness  # noqa: E402
import shells  # noqa: E402
from ensemble import wait_for  # noqa: E402
from shells import zkcli  # noqa: E402

OPTIONS = {"extendedTypesEnabled": "true", "zookeeper.extendedTypesEnabled": "true"}

# -- beside Apache's shell ---------------------------------------------------------------------------------------------

# Every command with its flags, its errors and its usage. /t is removed at the end, so that both shells find the same.
SAME = """
create /t hello
create /t again
create
create -x /t/b
create -t
create -t x /t/b
create -t 0 /t/b
create -t 1099511627776 /t/b
create -e -t 5 /t/b
create -c -t 5 /t/b
create -c -e /t/b
create -c -s /t/b
create -t 500000 /t/ttl
create -t=500000 -s /t/ttl
create -c /t/container
create -s /t/s-
create -se /t/e- data
create -s -e /t/e- data
create -e /t/eph 'two words'
create -s /t/dir/
create /t/dir
create /t/eph/child
create /t/nope/x
create t
create /t/
create -s /t/
create /t/open "with acl" world:anyone:cdrwa
create /t/two d world:anyone:r,ip:127.0.0.1:cdrwa
create /t/none d world:anyone:cda
create /t/utf "äöü"
get /t
get -s /t
get -s -w /t
get /t/none
get /t/utf
get /t/container
get /zz
get
get -q /t
get -sq /t
get --stat /t
get /t/open watch
get /t/nope watch
set /t v2
set -v 7 /t v3
set -s -v 1 /t v3
set -v1 /t v4
set -v=2 /t v5
set -sv 3 /t v6
set /t/two x
set /t -1
set /t -- -1
get /t
set -- /t -2
set
set /t
set -v
set -v -s /t x
set /nope x
set nope x
ls /t
ls -s /t
ls -R /t
ls -w /t
ls /t watch
ls -R /nope
ls -R nope
ls -s -w /t
ls
ls -?
ls t
ls /t/
ls /t//b
ls //
ls /t/./b
ls /t/../b
ls /t/..
ls /t/none
ls /nope
stat /t
stat -w /t
stat /t watch
stat -w /nope
stat /nope
stat
stat -z
delete /t
delete -v 9 /t/open
delete -v 0 /t/open
delete /nope
delete
delete t
delete -v
deleteall
deleteall /nope
deleteall -b x /t
deleteall t
deleteall -b 2 /t/dir0000000001
getAcl /t
getAcl -s /t
getAcl /t/two
getAcl -s /t/none
getAcl
getAcl /nope
setAcl
setAcl /t
setAcl -s /t world:anyone:cdrwa
setAcl /t/utf ip:127.0.0.1/8:rwa,world:anyone:r
getAcl /t/utf
setAcl -v 9 /t world:anyone:cdrwa
setAcl -v 1 -s /t world:anyone:cdrwa
setAcl /t/utf nosuch:x:cdrwa
setAcl /nope world:anyone:r
setAcl -R /t/s-0000000004 world:anyone:cdrwa
setAcl -R -s /t/s-0000000004 world:anyone:cdrwa
setAcl -R /nope world:anyone:r
getEphemerals t
getEphemerals /t/eph
getEphemerals /nope
getAllChildrenNumber /t
getAllChildrenNumber /zookeeper
getAllChildrenNumber
getAllChildrenNumber /nope
getAllChildrenNumber t
sync /t
sync /nope
sync
sync t
whoami
addauth
addauth digest joe:secret
whoami
setAcl /t/open auth::cdrwa
create /t/mine d auth::cdrwa
getAcl /t/mine
get /t/mine
reconfig
reconfig -remove 3
reconfig -add server.4=127.0.0.1:1:2;3
reconfig -members server.4=127.0.0.1:1:2;3
reconfig -v zz -remove 3
reconfig -v
reconfig -remove
reconfig -members x -add y
reconfig -file x -members y
reconfig -foo
addWatch
addWatch -m foo /t
addWatch -m persistent /t
addWatch -m PERSISTENT_RECURSIVE /t
removewatches /t
removewatches /t
removewatches -d /t
removewatches -c /t/utf
removewatches
removewatches -x /t
setquota
setquota /t
setquota -n 5
setquota -n
setquota -n 5 -b 3 /t
setquota -n x /t
setquota -n 0 /t
setquota -n -3 /t
setquota -b -3 /t
setquota -B x /t
setquota -n 100 /nope
setquota -n 100 /zookeeper/quota
setquota -n 100 t
setquota -N 700 /t
setquota -n 100 /t
setquota -B 100000 /t
setquota -b 90000 /t
setquota -n 100 /t/utf
listquota
listquota /t
listquota /nope
listquota t
delquota
delquota -n -b /t
delquota -n /t
listquota /t
delquota -B /t
listquota /t
ls -R /zookeeper/quota
delquota /t
delquota /t
ls -R /zookeeper/quota
delquota /nope
delquota -n /nope
setquota -n 100 /t/utf
setquota -n 100 /t
delquota /t/utf
ls -R /zookeeper/quota
version x
redo 0
redo 9000
redo -1
redo
config -x
setAcl -x
setAcl /t/none world:anyone:cdrwa
deleteall /t
create /t new
delete /t
history
""".strip().split("\n")

# Where zkcli does something else, what it says instead, and why.
OTHERWISE = {
    # Extra words are a quote forgotten; Apache's shell drops them, and with "set /a two words" half the value.
    "version x": "too many words: x (quote a value that has blanks)\n",
    # A number below 0 looks like an option.
    "redo -1": "Unrecognized option: -1\n",
    # Apache's shell does nothing and says nothing.
    "redo": "redo cmdno\n",
}


@unittest.skipIf(ensemble.ENGINE == "mixed", "one server is enough")
class BesideApache(harness.Case):
    """One server; first Apache's shell, then zkcli."""

    def setUp(self):
        try:
            shells.apache_shell("")
        except ensemble.NotAvailable as e:
            self.skipTest("%s (Debian: zookeeper, default-jre-headless)" % e)
        self.ens = self.ensemble(1, options=OPTIONS, properties=("zookeeper.extendedTypesEnabled=true",)).start()
        self.zkcli = [ensemble.program("zkcli"), "-server", self.ens.hosts]

    def test_every_command_line_for_line(self):
        commands = SAME
        _, theirs, their_events = shells.said(shells.apache_shell(self.ens.hosts), commands)
        _, ours, our_events = shells.said(self.zkcli, commands)
        wrong = []
        for line, apache, mine in zip(commands, theirs, ours):
            expected = OTHERWISE.get(line, shells.normal(apache))
            if line == "history":
                expected, mine = [re.sub(r"(?m)^\d+ - ", "N - ", t) for t in (expected, mine)]
            if shells.normal(mine) != expected:
                wrong.append("> %s\n-- expected:\n%s-- zkcli:\n%s" % (line, expected, mine))
        self.assertFalse(wrong, "%d of %d differ:\n%s" % (len(wrong), len(commands), "\n".join(wrong)))
        self.assertEqual(sorted(our_events), sorted(their_events))

    def test_the_commands_are_the_same(self):
        """help's list is the one that Apache's shell shows for an unknown command, and help itself."""
        _, _, theirs = shells.apache(self.ens.hosts, "nosuch")
        status, _, ours = zkcli(self.ens.hosts, "nosuch")
        self.assertEqual(status, 127)
        self.assertEqual([x for x in ours.split("\n")[1:] if x != "\thelp "], theirs.split("\n")[1:])

    def test_exit_codes(self):
        """One JVM a command: the few that a script meets."""
        zkcli(self.ens.hosts, "create", "/x")
        for words, status in ((["ls", "/"], 0), (["get", "/nope"], 1), (["create", "/x"], 1), (["get"], 1), (["nosuch"], 127)):
            with self.subTest(" ".join(words)):
                self.assertEqual(shells.apache(self.ens.hosts, *words)[0], status)
                self.assertEqual(zkcli(self.ens.hosts, *words)[0], status)

    def test_below_a_chroot(self):
        zkcli(self.ens.hosts, "create", "/app")
        commands = ["create /a x", "create /a x", "create -s /a/b-", "ls -R /", "get /nope", "stat /a", "deleteall /a", "ls /"]
        said = [shells.said(c, commands)[1] for c in (shells.apache_shell(self.ens.hosts + "/app"),
                                                       [self.zkcli[0], "-server", self.ens.hosts + "/app"])]
        self.assertEqual([shells.normal(x) for x in said[1]], [shells.normal(x) for x in said[0]])

    def test_config_of_an_ensemble(self):
        ens = self.ensemble(1, quorum=True).start()
        commands = ["config", "config -c", "config -s", "config -w", "get /zookeeper/config"]
        said = [shells.said(c, commands)[1] for c in (shells.apache_shell(ens.hosts), [self.zkcli[0], "-server", ens.hosts])]
        self.assertEqual([shells.normal(x) for x in said[1]], [shells.normal(x) for x in said[0]])


# -- for scripts -------------------------------------------------------------------------------------------------------

class Scripts(harness.Case):
    """One-shot commands and scripts on standard input."""

    def setUp(self):
        self.ens = self.ensemble(1, options=OPTIONS, properties=("zookeeper.extendedTypesEnabled=true",)).start()

    def cli(self, *words, **kw):
        return zkcli(self.ens.hosts, *words, **kw)

    def test_exit_codes(self):
        self.assertEqual(self.cli("create", "/x", "v"), (0, "", "Created /x\n"))
        self.assertEqual(self.cli("get", "/x"), (0, "v\n", ""))
        self.assertEqual(self.cli("get", "/nope"), (1, "", "Node does not exist: /nope\n"))
        self.assertEqual(self.cli("set", "-v", "9", "/x", "v"), (1, "", "version No is not valid : /x\n"))
        self.assertEqual(self.cli("get"), (1, "", "get [-s] [-w] path\n"))
        self.assertEqual(self.cli("nosuch")[0], 127)
        self.assertEqual(self.cli("ls", "/", options=["--nosuch"])[0], 2)
        self.assertEqual(self.cli("ls", "/", options=["-timeout"])[0], 2)
        self.assertEqual(zkcli("nowhere:", "ls", "/")[0], 2)

    def test_nobody_there(self):
        port = ensemble.ports.take()
        status, out, err = zkcli("127.0.0.1:%d" % port, "ls", "/")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("127.0.0.1:%d: Connection refused" % port, err)
        self.assertIn("KeeperErrorCode = ConnectionLoss for /", err)

    def test_credential_refused(self):
        status, out, err = self.cli("addauth", "nosuch", "x")
        self.assertEqual((status, out), (3, ""))
        self.assertIn("AuthFailed", err)

    def test_dangerous_words(self):
        """A quote forgotten, a permission mistyped: Apache's shell does half of it, zkcli nothing."""
        self.assertEqual(self.cli("create", "/x", "v")[0], 0)
        for words in (["set", "/x", "two", "words"], ["setAcl", "/x", "world:anyone:crx"], ["setAcl", "/x", "world:anyone"],
                      ["create", "/y", "d", "world:anyone:x"], ["get", "/x", "y", "z"], ["delete", "-v", "zero", "/x"],
                      ["set", "-v", "zero", "/x", "v"], ["delete", "/x", "7"], ["addWatch", "x"]):
            with self.subTest(" ".join(words)):
                status, out, err = self.cli(*words)
                self.assertEqual((status, out), (1, ""))
                self.assertNotEqual(err, "")
        self.assertEqual(self.cli("get", "/x")[1], "v\n")
        self.assertEqual(self.cli("getAcl", "/x")[1], "'world,'anyone\n: cdrwa\n")
        self.assertEqual(self.cli("delete", "/x", "0")[0], 0)

    def test_old_names(self):
        self.cli("create", "/x")
        self.cli("create", "/x/y")
        status, out, err = self.cli("ls2", "/x")
        self.assertEqual(status, 0)
        self.assertTrue(out.startswith("[y]\ncZxid = 0x"), out)
        self.assertEqual(err, "'ls2' has been deprecated. Please use 'ls [-s] path' instead.\n")
        self.assertEqual(self.cli("rmr", "/x"), (0, "", "The command 'rmr' has been deprecated. Please use 'deleteall' instead.\n"))
        self.assertEqual(self.cli("ls", "/")[1], "[zookeeper]\n")

    def test_a_script(self):
        """Its output is that of its commands alone, its status that of the last; the last line may lack its end."""
        status, out, err = self.cli(stdin="create /x 'a b'\n\n  get /x\nget /nope\nls /")
        self.assertEqual((status, out), (0, "a b\n[x, zookeeper]\n"))
        self.assertEqual(err, "Created /x\nNode does not exist: /nope\n")
        self.assertEqual(self.cli(stdin="ls /\nget /nope\n")[0], 1)
        self.assertEqual(self.cli(stdin="get /nope\nquit\nls /\n")[:2], (0, ""))
        self.assertEqual(self.cli(stdin="close\nls /\nconnect %s\nls /" % self.ens.hosts), (0, "[x, zookeeper]\n", "Not connected\n"))

    def test_deleteall_says_what_remains(self):
        self.cli("create", "/x")
        self.cli("create", "/x/a", "d", "world:anyone:r")
        self.cli("create", "/x/a/b", "d")
        status, _, err = self.cli("deleteall", "/x/a/b")
        self.assertEqual(status, 1)
        self.assertEqual(err, "Node does not exist: /x/a/b\n")

    def test_watches_of_a_script(self):
        out = self.cli(stdin="addWatch /\ncreate /x\nset /x 1\ndelete /x\nsync /\nremovewatches /\n")[1]
        types = re.findall(r"type:(\w+) path:(\S+)", out)
        self.assertEqual(types, [("NodeCreated", "/x"), ("NodeDataChanged", "/x"), ("NodeDeleted", "/x"),
                                 ("PersistentWatchRemoved", "/")])

    def test_configuration_files(self):
        with tempfile.NamedTemporaryFile("w", suffix=".properties") as f:
            f.write("# a comment\nzookeeper.clientCnxnSocket=x\nzookeeper.client.secure = false\n")
            f.flush()
            self.assertEqual(self.cli("ls", "/", options=["-client-configuration", f.name])[0], 0)
            f.write("zookeeper.client.secure=TRUE\n")
            f.flush()
            status, _, err = self.cli("ls", "/", options=["-client-configuration", f.name])
            self.assertEqual(status, 3)  # the port is a plain one
            self.assertIn("TLS", err)
        self.assertEqual(self.cli("ls", "/", options=["-client-configuration", "/nonexistent"])[0], 2)

    def test_output_that_cannot_be_written(self):
        with open("/dev/full", "w") as full:
            r = subprocess.run([ensemble.program("zkcli"), "-server", self.ens.hosts, "ls", "/"], stdout=full,
                               stderr=subprocess.PIPE)
        self.assertEqual(r.returncode, 1)
        self.assertIn(b"No space left", r.stderr)

    def test_interrupt(self):
        """A script that waits for a server which does not answer ends at once with 130."""
        self.ens[1].pause()
        self.addCleanup(lambda: self.ens[1].paused and self.ens[1].resume())
        p = subprocess.Popen([ensemble.program("zkcli"), "-server", self.ens.hosts, "ls", "/"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        wait_for("zkcli to handle signals", lambda: self.handles(p.pid, signal.SIGINT))
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(ensemble.DEADLINE), 130)
        p.stdout.close()
        p.stderr.close()

    def handles(self, pid, number):
        try:
            with open("/proc/%d/status" % pid) as f:
                caught = int(re.search(r"SigCgt:\s*(\w+)", f.read()).group(1), 16)
            return caught >> (number - 1) & 1
        except OSError:
            self.skipTest("needs /proc")


# The fields of each command's object, besides "command" and "status"; zkcli(1) lists the same.
FIELDS = [
    ("create /j v", {"path": "/j", "stat": dict}),
    ("create /j v", {"path": "/j", "error": "NODEEXISTS", "code": -110, "message": "Node already exists: /j"}),
    ("create -s /j/s-", {"path": "/j/s-0000000000", "stat": dict}),
    ("ls /j", {"path": "/j", "children": ["s-0000000000"], "stat": dict}),
    ("ls -R /j", {"path": "/j", "paths": ["/j", "/j/s-0000000000"]}),
    ("ls2 /j", {"path": "/j", "children": ["s-0000000000"], "stat": dict, "notes": list}),
    ("get /j", {"path": "/j", "data": "v", "stat": dict}),
    ("get /j/s-0000000000", {"path": "/j/s-0000000000", "data": None, "stat": dict}),
    ("get /binary", {"path": "/binary", "data_base64": "AP/+AQ==", "stat": dict}),
    ("set /j w", {"path": "/j", "stat": dict}),
    ("stat /j", {"path": "/j", "stat": dict}),
    ("sync /j", {"path": "/j"}),
    ("getAcl /j", {"path": "/j", "acl": [{"scheme": "world", "id": "anyone", "perms": "cdrwa"}], "stat": dict}),
    ("setAcl /j world:anyone:cdrwa", {"path": "/j", "stat": dict}),
    ("setAcl -R /j world:anyone:cdrwa", {"path": "/j", "changed": 2}),
    ("setAcl /j nonsense", {"error": "INVALIDACL", "message": str}),
    ("getEphemerals", {"path": "/", "ephemerals": []}),
    ("getAllChildrenNumber /j", {"path": "/j", "number": 1}),
    ("whoami", {"identities": [{"scheme": "ip", "id": "127.0.0.1"}]}),
    ("addauth digest a:b", {"scheme": "digest"}),
    ("config", {"config": str, "clients": str, "stat": dict}),
    ("reconfig -remove 9", {"error": "RECONFIGDISABLED", "code": -123, "message": str}),
    ("addWatch /j", {"path": "/j", "mode": "PERSISTENT_RECURSIVE"}),
    ("removewatches /j", {"path": "/j"}),
    ("printwatches", {"printwatches": True}),
    ("setquota -n 50 /j", {"path": "/j", "quota": {"count": 50, "bytes": -1, "countHardLimit": -1, "byteHardLimit": -1}}),
    ("listquota /j", {"path": "/j", "quota": dict, "usage": dict}),
    ("delquota /j", {"path": "/j"}),
    ("delete /j/s-0000000000", {"path": "/j/s-0000000000"}),
    ("deleteall /j", {"path": "/j", "deleted": 1}),
    ("rmr /nope", {"path": "/nope", "deleted": 0, "error": "NONODE", "code": -101, "message": str, "notes": list}),
    ("history", {"lines": list}),
    ("redo 5", {"path": "/j", "error": "NONODE", "code": -101, "message": str, "notes": list}),
    ("redo 99", {"error": "USAGE", "message": str}),
    ("version", {"version": str}),
    ("help", {"commands": list}),
    ("nosuch", {"commands": list, "error": "NOCOMMAND", "message": str}),
    ("get nope", {"error": "BADPATH", "message": "Path must start with / character"}),
    ("get", {"error": "USAGE", "message": "get [-s] [-w] path"}),
    ("get 'open", {"error": "USAGE", "message": "a quote is not closed"}),
    ("close", {}),
    ("get /", {"error": "NOTCONNECTED", "message": "Not connected"}),
    ("connect", {"hosts": str}),
    ("quit", {}),
]


class Json(harness.Case):
    """--json: one object a line, for every command."""

    def setUp(self):
        self.ens = self.ensemble(1, options=OPTIONS, properties=("zookeeper.extendedTypesEnabled=true",)).start()

    def objects(self, script):
        status, out, err = zkcli(self.ens.hosts, stdin=script, options=["--json"])
        self.assertEqual(err, "")
        objects = [json.loads(line) for line in out.splitlines()]
        self.events = [o for o in objects if "event" in o]
        return status, [o for o in objects if "event" not in o]

    def test_fields_of_every_command(self):
        self.conn(self.ens[1].address).create("/binary", b"\0\xff\xfe\1")
        _, got = self.objects("\n".join(line for line, _ in FIELDS))
        self.assertEqual(len(got), len(FIELDS))
        for (line, fields), o in zip(FIELDS, got):
            with self.subTest(line):
                name = "ls2" if line == "redo 5" else line.split()[0]
                self.assertEqual(o.pop("command"), name)
                self.assertEqual(o.pop("status"), 0 if "error" not in fields else
                                 {"NOCOMMAND": 127, "NOTCONNECTED": 3}.get(fields["error"], 1))
                self.assertEqual(sorted(o), sorted(fields))
                for key, value in fields.items():
                    if isinstance(value, type):
                        self.assertIsInstance(o[key], value)
                    else:
                        self.assertEqual(o[key], value)

    def test_every_command_is_tried(self):
        """The table above, and the manual, know every command."""
        _, (help_,) = self.objects("help")
        tried = {line.split()[0] for line, _ in FIELDS}
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "zkcli.1")) as f:
            manual = f.read()
        for c in help_["commands"]:
            self.assertIn(c["name"], tried)
            self.assertRegex(manual, r"(?m)^\.BI? %s\b" % c["name"])

    def test_stat(self):
        _, (made, got) = self.objects("create /s 12345\nstat /s")
        s = got["stat"]
        self.assertEqual(sorted(s), sorted("czxid mzxid pzxid ctime mtime version cversion aversion ephemeralOwner dataLength "
                                           "numChildren".split()))
        self.assertEqual((s["dataLength"], s["version"], s["ephemeralOwner"]), (5, 0, "0x0"))
        self.assertEqual(int(s["czxid"], 16), int(made["stat"]["czxid"], 16))

    def test_events(self):
        self.objects("addWatch /\ncreate /e\nsync /")
        self.assertEqual(self.events, [{"event": "None", "state": "SyncConnected", "path": None},
                                       {"event": "NodeCreated", "state": "SyncConnected", "path": "/e"}])

    def test_one_shot(self):
        status, out, err = zkcli(self.ens.hosts, "get", "/nope", options=["--json"])
        self.assertEqual((status, err), (1, ""))
        self.assertEqual(json.loads(out), {"command": "get", "path": "/nope", "code": -101, "error": "NONODE",
                                           "message": "Node does not exist: /nope", "status": 1})


# -- a person at a terminal --------------------------------------------------------------------------------------------

class AtATerminal(harness.Case):

    def terminal(self, hosts, env=None, options=()):
        folder = tempfile.TemporaryDirectory(prefix="pseudo-cluster-zkcli-")
        self.addCleanup(folder.cleanup)
        self.history = os.path.join(folder.name, "history")
        t = shells.Terminal([ensemble.program("zkcli"), "-server", hosts] + list(options),
                            dict({"ZKCLI_HISTORY": self.history}, **(env or {})))
        self.addCleanup(t.close)
        return t

    def one(self):
        return self.ensemble(1).start()

    def test_a_session(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"Connecting to %s\n" % re.escape(ens.hosts))
        t.see(r"Welcome to ZooKeeper!")
        t.see(r"\[zk: %s\(CONNECTED\) 0\] " % re.escape(ens.hosts))
        t.line("create /a hello")
        t.see(r"Created /a\n")
        t.see(r"CONNECTED\) 1\] ")
        t.line("get /a")
        t.see(r"hello\n")
        t.line("quit")
        self.assertEqual(t.end(), 0)

    def test_completion(self):
        ens = self.one()
        for path in ("/apples", "/apples/red", "/apples/green", "/bread"):
            zkcli(ens.hosts, "create", path, path[::-1])
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.type("getAll\t")
        t.see(r"getAllChildrenNumber ")
        t.type("/app\t")
        t.see(r"les/")
        t.type("r\t")
        t.see(r"ed")
        t.type("\r")
        t.see(r"\n0\n")
        t.see(r"CONNECTED\) 1\] ")
        t.type("get /apples/\t\t")  # all of them
        t.see(r"green")
        t.see(r"red")
        t.type("g\t\r")
        t.see(r"neerg/selppa/")
        t.see(r"CONNECTED\) 2\] ")
        t.type("nosuch\t/nosuch/\t")  # nothing to offer, nothing broken
        t.type("\x15ls /\r")
        t.see(r"\[apples, bread, zookeeper\]")
        t.line("quit")
        self.assertEqual(t.end(), 0)

    def test_history(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.line("get /zookeeper")
        t.see(r"CONNECTED\) 1\] ")
        t.line("addauth digest joe:secret")
        t.see(r"CONNECTED\) 2\] ")
        t.type("\x10\x10\r")  # Ctrl-P twice: the line before the last
        t.see(r"get /zookeeper")
        t.see(r"CONNECTED\) 3\] ")
        t.line("history")
        t.see(r"0 - get /zookeeper\n1 - addauth digest joe:secret\n2 - get /zookeeper\n3 - history\n")
        t.line("redo 0")
        t.see(r"CONNECTED\) 5\] ")
        t.type("\x04")
        self.assertEqual(t.end(), 0)
        with open(self.history) as f:
            self.assertEqual(f.read(), "get /zookeeper\nget /zookeeper\nhistory\nredo 0\n")
        self.assertEqual(os.stat(self.history).st_mode & 0o777, 0o600)
        kept = self.history
        t = self.terminal(ens.hosts, {"ZKCLI_HISTORY": kept})
        t.see(r"CONNECTED\) 0\] ")
        t.type("\x10\x10\x10\r")
        t.see(r"get /zookeeper")
        t.see(r"CONNECTED\) 1\] ")
        t.type("\x04")
        self.assertEqual(t.end(), 0)

    def test_control_c_drops_the_line(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.type("create /never")
        t.see(r"create /never")
        t.type("\x03")
        t.see(r"\^C\n.*CONNECTED\) 0\] ")
        t.line("ls /")
        t.see(r"\[zookeeper\]")
        t.see(r"CONNECTED\) 1\] ")
        t.type("\x03")
        t.see(r"CONNECTED\) 1\] ")
        t.type("\x03")
        t.see(r"CONNECTED\) 1\] ")
        t.line("get /zookeeper")
        t.see(r"CONNECTED\) 2\] ")
        t.type("\x04")
        self.assertEqual(t.end(), 0)

    def test_control_c_ends_a_command(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        ens[1].pause()
        t.line("create /a")
        t.see(r"create /a\n")
        t.type("\x03")
        t.see(r"interrupted: it may or may not have been done\n")
        t.see(r"\) 1\] ")
        ens[1].resume()
        t.line("get /a")
        t.see(r"null\n")
        t.see(r"\) 2\] ")
        t.type("\x04")
        self.assertEqual(t.end(), 0)

    def test_a_watch_leaves_the_line_whole(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.line("stat -w /a")
        t.see(r"Node does not exist: /a\n")
        t.see(r"CONNECTED\) 1\] ")
        t.type("ls ")
        t.see(r"ls ")
        zkcli(ens.hosts, "create", "/a")
        t.see(r"WATCHER::\n\nWatchedEvent state:SyncConnected type:NodeCreated path:/a\n")
        t.see(r"CONNECTED\) 1\] ls ")
        t.line("/")
        t.see(r"\[a, zookeeper\]")
        t.line("quit")
        self.assertEqual(t.end(), 0)

    def test_termination(self):
        """SIGTERM ends it with 143, and its session at once."""
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.line("create -e /eph")
        t.see(r"Created /eph")
        t.see(r"CONNECTED\) 1\] ")
        os.kill(t.pid, signal.SIGTERM)
        self.assertEqual(t.end(), 143)
        self.assertEqual(zkcli(ens.hosts, "ls", "/")[1], "[zookeeper]\n")

    def test_a_server_dies(self):
        """The session goes on at another server, with its ephemeral and its watch; the person is told where."""
        ens = self.ensemble(3).start()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        t.line("create -e /eph")
        t.see(r"Created /eph")
        t.line("get -w /eph")
        t.see(r"null\n")
        t.see(r"CONNECTED\) 2\] ")
        mine = wait_for("the server that has the session", lambda: next(
            (m for m in ens.members if "\n" in (m.word("cons") or "") and re.search(r"sid=0x", m.word("cons"))), None))
        mine.kill()
        lost = t.see(r"session (0x\w+) lost its server: %s: .*; looking for one of %s\n" % (re.escape(mine.hosts),
                                                                                           re.escape(ens.hosts)))
        t.see(r"session %s moved to (127.0.0.1:\d+)\n" % lost.group(1))
        t.line("get /eph")
        t.see(r"null\n")
        t.line("set /eph x")
        t.see(r"type:NodeDataChanged path:/eph\n")
        t.line("getEphemerals")
        t.see(r"\[/eph\]")
        t.line("quit")
        self.assertEqual(t.end(), 0)

    def test_all_servers_die_and_return(self):
        ens = self.one()
        t = self.terminal(ens.hosts)
        t.see(r"CONNECTED\) 0\] ")
        ens[1].kill()
        t.see(r"lost its server")
        t.line("ls /")
        t.see(r"KeeperErrorCode = ConnectionLoss for /\n")
        t.see(r"CONNECTING\) 1\] ")
        ens[1].start()
        t.see(r"session 0x\w+ goes on at %s\n" % re.escape(ens.hosts))
        t.see(r"CONNECTED\) 1\] ")
        t.line("ls /")
        t.see(r"\[zookeeper\]")
        t.see(r"CONNECTED\) 2\] ")
        t.type("\x04")
        self.assertEqual(t.end(), 0)


if __name__ == "__main__":
    harness.main()
