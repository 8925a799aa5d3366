"""Directed sequences: each holds a rule that random ones seldom meet. `options` are zoo.cfg lines for both sides."""
import collections

Case = collections.namedtuple("Case", "name steps servers options")
CASES = []
WORLD = [[31, "world", "anyone"]]
ANN, BOB, SUPER = ["auth", "digest", "ann:1"], ["auth", "digest", "bob:2"], ["auth", "digest", "super:secret"]
ANN_ID = "ann:ApWPiBMGAOGNkpjrVtq0jPcaNRA="
PATHS = ("/", "", "a", "/a/", "//", "/a//b", "/a/.", "/a/..", "/a/...", "/.a", "/a\0b", "/\x01", "/\x1f", "/\x7f", "/\x80", "/\x9f",
         "/\u00a0", "/\u00e9", "/\ud7ff", "/\ue000", "/\uf8ff", "/\uf900", "/\uffef", "/\ufff0", "/\uffff", "/\U0001f600", "/\udcff",
         "/\udce2\udc82", "/ ", " /a", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/x", None)


def case(name, *steps, servers=(1, 3), **options):
    """Steps without a connection's number are connection 0's."""
    steps = [[0, *s] if isinstance(s[0], str) else list(s) for s in steps]
    CASES.append(Case(name, steps, servers, {k.replace("__", "."): v for k, v in options.items()} or None))


HELLO = ["connect"]

# -- paths and kinds

case("paths of writes", HELLO, *([op, p, *rest] for p in PATHS for op, *rest in (
    ("create", "x"), ("delete", 5), ("setData", "y", 77), ("setACL", [[31, "ip", "bad"]]), ("create", "", WORLD, 2))))
case("paths of reads", HELLO, ["create", "/a"], *([op, p, *rest] for p in PATHS for op, *rest in (
    ("exists", True), ("getData", True), ("getACL",), ("getChildren", False), ("getChildren2", True), ("sync",),
    ("getAllChildrenNumber",), ("getEphemerals",), ("checkWatches", 3), ("removeWatches", 3))
    # The config's time is the server's start.
    if p != "/zookeeper/config"))
case("every mode by every opcode", HELLO, *([op, "/%s%d" % (op, flag), "x", WORLD, flag]
                                            for op in ("create", "create2", "createContainer") for flag in range(-1, 9)),
     *([op, "/%s%d/child" % (op, flag)] for op in ("create", "create2", "createContainer") for flag in (0, 1, 4)))
case("every mode by every opcode in a multi", HELLO, *(["multi", [op, "/%s%d" % (op, flag), "x", WORLD, flag]]
                                                       for op in ("create", "create2", "createContainer") for flag in range(-1, 9)),
     *(["multi", ["createTTL", "/ttl%d" % flag, "x", WORLD, flag, ttl]] for flag in range(-1, 9) for ttl in (-1, 0, 1000)))
case("TTL flags when they are off", HELLO, *(["createTTL", "/t%d" % flag, "", WORLD, flag, ttl]
                                             for flag in range(-1, 9) for ttl in (0, 1000, 1 << 40, 5 if flag < 5 else -1)))
case("sequences", HELLO, ["create", "/s"], *(["create", "/s/n", "", WORLD, f] for f in (2, 3, 2)), ["create", "/s/n0000000003"],
     ["delete", "/s/n0000000000"], ["create", "/s/n", "", WORLD, 2], ["create", "/s/n0000000005"], ["create", "/s/n", "", WORLD, 2],
     ["create", "/s/", "", WORLD, 2], ["create", "/s/x/", "", WORLD, 2], ["getChildren2", "/s"], ["exists", "/s"])
case("ephemerals", HELLO, [1, "connect"], ["create", "/e", "", WORLD, 1], ["create", "/e/x"], ["create", "/e/x", "", WORLD, 2],
     ["create", "/p"], ["create", "/p/e", "", WORLD, 1], ["create", "/p/f", "", WORLD, 3], ["getEphemerals", "/"], ["getEphemerals", "/p/"],
     ["getEphemerals", "/p"], ["getEphemerals", None], ["getEphemerals", " \t"], ["getEphemerals", " /"], ["getEphemerals", " /p"],
     [1, "getEphemerals", "/"], [1, "exists", "/e", True], [1, "getChildren", "/p", True], [1, "exists", "/p/e", True],
     [1, "delete", "/p/f0000000001"], ["getEphemerals", "/"], ["closeSession"], [1, "getChildren2", "/p"], [1, "exists", "/e"])
case("versions", HELLO, ["create", "/v"], *([op, "/v", *rest, v] for v in (1, -2, 0, 0, -1, 2147483647, 1) for op, *rest in (
    ("check",) if v == 1 else ("exists",), ("setData", "x"), ("setACL", WORLD))), ["delete", "/v", 0], ["delete", "/v", 4], ["getACL", "/v"])
case("null and empty data", HELLO, ["create", "/n", None], ["getData", "/n"], ["setData", "/n", ""], ["getData", "/n"],
     ["setData", "/n", None], ["getData", "/n"], ["multi", ["setData", "/n", None]], ["multiRead", ["getData", "/n"]])
case("containers", HELLO, ["createContainer", "/c"], ["create", "/c/x"], ["delete", "/c/x"], ["exists", "/c"], ["op", 20, ""],
     ["createContainer", "/d", "", WORLD, 1], ["create", "/d/x"], ["createContainer", "/e", "", WORLD, 2], ["getEphemerals", "/"],
     ["op", 20, "000000022f63"])
case("counting", HELLO, ["getAllChildrenNumber", "/"], ["getAllChildrenNumber", ""], ["create", "/a"], ["create", "/a/b"],
     ["create", "/ab"], ["getAllChildrenNumber", "/a"], ["getAllChildrenNumber", "/"], ["getAllChildrenNumber", "/a/"])

# -- multi

case("multi: each operation's answer", HELLO, ["multi", ["create", "/m"], ["create2", "/m/a", "x"], ["createContainer", "/m/c", "", WORLD, 4],
     ["setData", "/m", "y", 0], ["check", "/m", 1], ["create", "/m/s", "", WORLD, 2], ["create", "/m/s", "", WORLD, 3], ["delete", "/m/a", -1]],
     ["getChildren2", "/m"], ["multi"], ["multiRead", ["getData", "/m"], ["getChildren", "/m"], ["getData", "/none"]], ["multiRead"])
for k, bad in enumerate((["create", "/m"], ["delete", "/none"], ["setData", "/m", "z", 9], ["check", "/m", 9], ["create", "/x/y"],
                         ["create", "/bad/"], ["create", "/y", "", []], ["delete", "/"], ["delete", "/m"])):
    case("multi: failing %d" % k, HELLO, ["create", "/m"], ["create", "/m/s", "", WORLD, 2],
         ["multi", ["create", "/n"], ["create", "/m/s", "", WORLD, 2], ["setData", "/m", "y"], bad, ["delete", "/none"], ["create", "/o"]],
         ["exists", "/n"], ["getData", "/m"], ["create", "/m/s", "", WORLD, 2],
         ["batch", ["multi", ["create", "/n"], bad], ["create", "/n"], ["create", "/m/s", "", WORLD, 2]])
case("multi: what it may not hold", HELLO, *(["multi", ["create", "/x"], op] for op in (
    ["getData", "/"], ["setACL", "/", WORLD], ["exists", "/"], ["sync", "/"], ["ping"], ["multi"])), ["multi", ["getData", "/"]],
    ["multiRead", ["create", "/x"]], ["multiRead", ["getData", "/"], ["create", "/x"]], ["multiRead", ["exists", "/"]],
    ["multiRead", ["getData", None]], ["multiRead", ["getData", "/"], ["getChildren", None]])
case("multi: what Java trips over", HELLO, *(["multi", ["create", "/n", "", WORLD, 2], ["create", "/x", "", a], ["create", "/y"]] for a in (
    [[1, "world", None]], [[1, "digest", None]], [[1, "ip", None]], [[1, "world", "anyone"], [1, None, "x"]], [[1, None, "x"]], None)),
     ["create", "/n", "", WORLD, 2], ["multi", ["create", "/z", "", []], ["create", "/x", "", [[1, "world", None]]]])
case("multi: watches", HELLO, [1, "connect"], [1, "exists", "/w", True], [1, "getChildren", "/", True], [1, "exists", "/w/x", True],
     ["multi", ["create", "/w"], ["create", "/w/x"], ["setData", "/w", "1"], ["delete", "/w/x"], ["delete", "/w"]],
     ["multiRead", ["getData", "/", True], ["getChildren", "/", True]], [1, "create", "/after"])

# -- who may

LETTERS = ((1, "READ"), (2, "WRITE"), (4, "CREATE"), (8, "DELETE"), (16, "ADMIN"))
for perm, letter in LETTERS:
    case("permissions: all but %s" % letter, HELLO, [1, "connect"], [1, *ANN], [0, "create", "/p", "x"], [0, "create", "/p/c"],
         [1, "create", "/mine", "", [[31, "auth", ""]]], ["setACL", "/p", [[31 & ~perm, "world", "anyone"], [31, "digest", ANN_ID]]],
         *([label, *op] for op in (["getData", "/p", True], ["exists", "/p"], ["getChildren", "/p"], ["getChildren2", "/p"], ["getACL", "/p"],
                                   ["getAllChildrenNumber", "/p"], ["multi", ["check", "/p", -1]], ["setData", "/p", "y"], ["create", "/p/d"],
                                   ["delete", "/p/d"], ["create", "/p/e", "", WORLD, 2], ["setACL", "/p/c", WORLD],
                                   ["setACL", "/p", [[31 & ~perm, "world", "anyone"], [31, "digest", ANN_ID]]]) for label in (0, 1)))
case("what an ACL may be", HELLO, ANN, BOB, ["create", "/l"], *(["setACL", "/l", a] for a in (
    None, [], WORLD * 2, [[31, "world", "x"]], [[31, "auth", ""]], [[31, "auth", "any"], [31, "auth", ""]], [[3, "auth", ""]] + WORLD,
    [[31, "digest", "u:p"]] + WORLD, [[31, "digest", "u"]], [[31, "digest", "a:b:c"]], [[31, "digest", "a:b:"]] + WORLD,
    [[31, "digest", ":b"]] + WORLD, [[31, "digest", ":"]], [[31, "digest", ""]], [[31, "ip", "127.0.0.1/8"]] + WORLD,
    [[31, "ip", "127.0.0.1/33"]], [[31, "ip", "127.0.0.1/-1"]], [[31, "ip", "127.0.0.1/"]], [[31, "ip", "127.0.0.1/x"]],
    [[31, "ip", "+127.0.0.1"]] + WORLD, [[31, "ip", "256.0.0.1"]], [[31, "ip", "1.2.3"]], [[31, "ip", "1.2.3.4.5"]], [[31, "ip", "::1"]],
    [[31, "ip", "a.b.c.d"]], [[31, "super", ""]], [[31, "nobody", "x"]], [[31, "", ""]], [[31, None, ""]], [[31, "world", None]],
    [[31, "digest", None]], [[31, "ip", None]], [[31, "auth", None]], [[1, "world", "anyone"], [1, None, "x"]],
    [[2, "world", "anyone"], [1, None, "x"]], [[1, "world", "anyone"], [1, "world", None]], [[1, "nobody", None]], [[255, "world", "anyone"]],
    [[31, "digest", "\udcff\udce2\udc82:x"]] + WORLD)), ["getACL", "/l"])
case("ACLs as they are shown", HELLO, [1, "connect"], ANN, ["create", "/s", "", [[31, "auth", ""], [1, "world", "anyone"], [16, "digest", "a:b:"],
     [4, "ip", "10.0.0.0/8"], [8, "digest", "\u00e9:\udcff"]]], ["getACL", "/s"], [1, "getACL", "/s"], [1, *SUPER], [1, "getACL", "/s"],
     [1, "setACL", "/s", [[16, "world", "anyone"], [1, "digest", "u:p"]]], [0, "getACL", "/s"])
case("ip", HELLO, *(["create", "/i%d" % k, "", [[31, "ip", r]]] for k, r in enumerate(
    ("127.0.0.1", "127.0.0.0/8", "0.0.0.0/0", "126.0.0.0/7", "127.0.0.2/31", "127.0.0.0/31", "10.0.0.1", "127.1.0.0/16", "127.0.0.1/0"))),
     *(["getData", "/i%d" % k] for k in range(9)))
case("identities", HELLO, ["whoAmI"], ANN, ["whoAmI"], ANN, BOB, ["auth", "digest", "plain"], ["auth", "digest", ":x"], ["auth", "digest", ""],
     ["auth", "digest", "a:b:c"], ["whoAmI"], SUPER, ["whoAmI"], ["auth", "ip", "9.9.9.9"], ["auth", "ip", None],
     ["auth", "digest", "\u00e9:\udcff"], ["whoAmI"], ["create", "/all", "", [[31, "auth", ""]]],
     ["getACL", "/all"])
# Apache's members do not agree on what lies beyond U+FFFF: it does not survive their own encoding.
case("characters beyond U+FFFF", HELLO, ["auth", "digest", "\U0001f600"], ["whoAmI"], ["create", "/s", "", [[31, "auth", ""], [1, "digest",
     "\u00e9\U0001f600:\udcff"]]], ["getACL", "/s"], ["setData", "/s", "x"], servers=(1,))
for k, bad in enumerate((["auth", "digest", None], ["auth", "nobody", "x"], ["auth", None, "x"], ["auth", "super", ""], ["auth", "world", "anyone"],
                         ["auth", "auth", ""], ["auth", "digest", "ann:1", {"cut": 2}], ["auth", "digest", "x", {"poke": [4, 255]}])):
    case("auth: refused %d" % k, HELLO, [1, "connect"], ["create", "/e", "", WORLD, 1], bad, [1, "exists", "/e"])
case("the super user", HELLO, [1, "connect"], [1, *ANN], [1, "create", "/s", "x", [[31, "auth", ""]]], ["getData", "/s"], SUPER, ["getData", "/s"],
     ["setData", "/s", "y"], ["create", "/s/c", "", [[31, "auth", ""]]], ["getACL", "/s/c"], ["delete", "/s/c"], ["setACL", "/s", WORLD],
     [1, "getACL", "/s"], ["delete", "/zookeeper/quota"], ["delete", "/zookeeper/config"], ["setData", "/zookeeper/quota", "x"])
case("auth comes with the connection", HELLO, ANN, ["create", "/a", "", [[31, "auth", ""]]], [1, "resume", 0], [1, "getData", "/a"],
     [1, *ANN], [1, "getData", "/a"])
case("skipACL", HELLO, ["create", "/s", "x", [[1, "ip", "10.0.0.1"]]], ["getData", "/s"], ["setData", "/s", "y"], ["create", "/s/c"],
     ["setACL", "/s", [[31, "nobody", "x"]]], ["setACL", "/s", [[31, "auth", ""]]], ["setACL", "/s", [[31, "digest", "u:secret"]]], ["getACL", "/s"],
     ["delete", "/s/c"], ["reconfig", None, None, None], ["setWatches", 0, ["/s"], [], []], [1, "connect"], [1, "exists", "/s", True],
     ["setData", "/s", "z"], servers=(1,), skipACL="yes")

# -- watches

case("watches go off once, in order", HELLO, [1, "connect"], [1, "exists", "/w", True], [1, "getChildren", "/", True], ["create", "/w"],
     [1, "getData", "/w", True], [1, "getChildren", "/w", True], [1, "getChildren2", "/", True], ["setData", "/w", "x"], ["setData", "/w", "y"],
     ["setACL", "/w", WORLD], ["create", "/w/c"], [1, "exists", "/w", True], [1, "getChildren", "/w", True], ["delete", "/w/c"], ["delete", "/w"],
     [1, "getData", "/none", True], ["create", "/none"], [1, "getChildren", "/no", True], ["create", "/no"])
case("a watcher's own changes", HELLO, ["exists", "/w", True], ["getChildren", "/", True], ["batch", ["create", "/w"], ["getData", "/w", True],
     ["setData", "/w", "x"], ["getData", "/w", True], ["delete", "/w"], ["exists", "/w"]])
case("persistent watches", HELLO, [1, "connect"], [1, "addWatch", "/p", 0], [1, "addWatch", "/r", 1], ["create", "/p"], ["create", "/p/c"],
     ["setData", "/p", "x"], ["setData", "/p/c", "x"], ["delete", "/p/c"], ["delete", "/p"], ["create", "/r"], ["create", "/r/c"],
     ["create", "/r/c/d"], ["setData", "/r/c/d", "x"], ["delete", "/r/c/d"], ["delete", "/r/c"], ["delete", "/r"], [1, "addWatch", "/", 1],
     ["create", "/x"], [1, "getChildren", "/", True], [1, "exists", "/x", True], ["setData", "/x", ""], ["create", "/x/y"], ["delete", "/x/y"],
     [1, "removeWatches", "/", 3], ["create", "/z"], [1, "removeWatches", "/", 3])
case("one mode for a path", HELLO, ["addWatch", "/m", 0], ["exists", "/m", True], ["create", "/m"], ["setData", "/m", "x"], ["addWatch", "/m", 1],
     ["getChildren", "/m", True], ["create", "/m/c"], ["setData", "/m/c", ""], ["addWatch", "/m", 0], ["setData", "/m/c", ""], ["delete", "/m/c"],
     ["addWatch", "/m", 2], ["addWatch", "/m", -1], ["removeWatches", "/m", 1], ["setData", "/m", ""],
     ["create", "/m/d"], ["removeWatches", "/m", 2], ["removeWatches", "/m", 2], ["removeWatches", "/m", 4], ["removeWatches", None, 3])
case("asking for watches", HELLO, [1, "connect"], ["checkWatches", "/a", 3], [1, "exists", "/a", True], ["checkWatches", "/a", 3],
     ["checkWatches", "/a", 2], ["checkWatches", "/a", 1], ["removeWatches", "/a", 3], [1, "checkWatches", "/a", 3], [1, "checkWatches", "/a/b", 3],
     [1, "addWatch", "/a", 1], [1, "checkWatches", "/a/b", 3], ["checkWatches", "a/b", 3], ["checkWatches", "a", 3], ["checkWatches", "", 3],
     ["checkWatches", "/a", 0], ["checkWatches", "/a", 4], ["checkWatches", "/a", 5], [1, "drop"], ["checkWatches", "/a", 3])
case("a reconnected client's watches", HELLO, ["create", "/old"], ["create", "/old/c"], [1, "connect"], ["create", "/new"], ["setData", "/old", "x"],
     *([1, "setWatches", z, ["/old", "/new", "/none"], ["/old", "/none"], ["/old", "/new", "/none"]] for z in ({"z": 0}, {"z": 3}, {"z": 50}, -1)),
     ["setData", "/old", "y"], ["create", "/none"], ["create", "/old/d"], ["setWatches", 0, None, [], []], ["setWatches", 0, ["/"], [None], []],
     ["setWatches2", {"z": 50}, ["/old"], ["/x"], ["/old"], ["/old"], ["/new"]], [1, "setData", "/old", ""], [1, "create", "/new/c"],
     [1, "create", "/old/e"], ["setWatches2", {"z": 50}, [], [], [], None, []], ["setWatches", 0, ["/\udcff", "/\U0001f600", "x"], [""], []])
case("who may not read does not hear", HELLO, [1, "connect"], ANN, ["create", "/p"], ["create", "/s", "", [[31, "auth", ""]]],
     *([1, *op] for op in (["exists", "/s", True], ["addWatch", "/s", 0], ["addWatch", "/p", 1], ["exists", "/new", True])),
     ["setData", "/s", "x"], ["create", "/s/c"], ["create", "/p/open"], ["create", "/p/shut", "", [[30, "world", "anyone"]]],
     ["setData", "/p/shut", "y"], ["create", "/new", "", [[31, "auth", ""]]], ["setACL", "/new", WORLD], ["setData", "/new", "x"],
     ["setACL", "/p", [[30, "world", "anyone"]]], ["create", "/p/after"], ["delete", "/p/after"], ["delete", "/p/shut"], [1, *ANN],
     ["setData", "/s", "z"], ["delete", "/s/c"], ["delete", "/s"])
case("watches go with their connection", HELLO, [1, "connect"], [1, "exists", "/w", True], [1, "addWatch", "/w", 0], [2, "resume", 1],
     ["create", "/w"], [2, "exists", "/w", True], ["delete", "/w"])

# -- sessions

case("timeouts", *([k % 5, "connect", {"timeout": t}] for k, t in enumerate((0, -1, 1, 5999, 6000, 6001, 59999, 60001, 2147483647, -2147483648))))
case("old and read-only clients", ["connect", {"read_only": None}], ["ping"], [1, "connect", {"read_only": True}], [1, "create", "/x"],
     [2, "resume", 0, {"read_only": None}], [3, "resume", 1, {"read_only": True}], [4, "connect", {"tail": "0000"}],
     [5, "connect", {"protocol": 9}])
case("connects that are none", *([0, "connect", o] for o in (
    {"cut": 1}, {"cut": 2}, {"cut": 20}, {"cut": 45}, {"zxid": {"z": 1000}}, {"zxid": -5}, {"zxid": {"z": 0}}, {"sid": 1}, {"sid": -1},
    {"sid": 77, "passwd": None}, {"sid": 0, "passwd": ""}, {"sid": 0, "passwd": "0123456789abcdef0"}, {"passwd": None},
    {"sid": 77, "read_only": None})))
case("resuming", HELLO, ["create", "/e", "", WORLD, 1], [1, "resume", 0, {"passwd": "0123456789abcdef"}], [1, "resume", 0, {"passwd": ""}],
     [1, "resume", 0, {"passwd": None}], [1, "resume", 0, {"timeout": 30000}], [1, "getEphemerals", "/"], ["ping"], [0, "resume", 0],
     [0, "closeSession"], [1, "resume", 0], [2, "connect"], [2, "exists", "/e"])
case("a session that moves", ["connect", {"server": 0}], ["create", "/e", "", WORLD, 1], ["exists", "/x", True], [1, "resume", 0, {"server": 1}],
     ["getData", "/e"], [1, "create", "/x"], [2, "resume", 0, {"server": 2}], [1, "getData", "/e"], [1, "sync", "/"], [1, "setData", "/e", "x"],
     [2, "getEphemerals", "/"], [0, "resume", 0, {"server": 0}], [2, "getData", "/e"], [0, "closeSession"], [3, "connect"], [3, "exists", "/e"],
     servers=(3,))
case("closing", HELLO, ["create", "/e", "", WORLD, 1], ["closeSession"], [1, "connect"], [1, "exists", "/e"], [1, "closeSession"], [1, "resume", 1])

# -- frames

case("frames that are none", *(step for k, raw in enumerate((
    "ffffffff", "80000000", "00100000", "7fffffff", "00000000", "0000000100", "00000007" + "00" * 7)) for step in (
    [k, "connect"], [k, "raw", raw], [9, "connect"], [9, "ping"])))
case("frames that are none, without a session", *(step for k, raw in enumerate((
    "0000002c" + "00" * 44, "0000002d" + "00" * 45, "00000008" + "0000000100000003", "00000000")) for step in ([9, "connect"], [9, "ping"])))
case("as long as a frame may be", HELLO, ["create", "/big", {"fill": "x", "n": 0xfffff - 8 - 4 - 4 - 4 - 4 - 4 - 27 - 4}],
     ["exists", "/big"], ["setData", "/big", {"fill": "y", "n": 0xfffff - 8 - 8 - 4 - 4}], ["getData", "/big"],
     ["setData", "/big", {"fill": "z", "n": 0xfffff - 8 - 8 - 4 - 3}], [1, "connect"], [1, "exists", "/big"], servers=(1,))
case("operations that are none", *(step for k, op in enumerate((0, -1, 10, 23, 99, 108, 1000, -12, 2147483647)) for step in (
    [k % 5, "connect"], [k % 5, "op", op, ""])))
case("bodies that are none", HELLO, *(["op", op, body] for op in (1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 14, 15, 17, 18, 19, 21, 22, 101, 103, 104, 105,
                                                               106) for body in ("", "00", "0000", "000000642f73", "7fffffff", "fffffff9",
                                                                                 "80000000", "000000022f61", "000000022f6100")
     # A null path in a multi costs Apache answers, see diff_make.py; -10 without a body does as well behind a learner.
     ))
case("vectors that claim too much", HELLO, ["op", 1, "000000022f76" + "00000000" + "7ffffff0"], ["op", 1, "000000022f76" + "00000000" + "fffffff0" + "00000000"],
     ["op", 101, "00" * 8 + "7fffffff"], ["op", 101, "00" * 8 + "fffffffe" * 3], ["exists", "/v"])
case("reconfig when it is off", HELLO, ["reconfig", None, None, None], ["reconfig", "server.9=h:1:2;3", "1", None, 5], ["reconfig", None, None, "x"])
case("sasl where there is none", HELLO, ["sasl", ""], ["sasl", "x"], ["ping"], ["sasl", None], [1, "connect"], [1, "sasl", "abc", {"cut": 2}])
case("odd xids", HELLO, ["create", "/x", {"xid": 0}], ["create", "/y", "", {"xid": -3}], ["ping", {"xid": 5}],
     ["auth", "digest", "a:b", {"xid": 7}], ["setWatches", 0, ["/x"], [], [], {"xid": 3}], ["batch", ["exists", "/x", {"xid": 9}],
     ["exists", "/x", {"xid": 9}]])
case("reserved znodes", HELLO, *([op, p, *rest] for p in ("/", "/zookeeper", "/zookeeper/quota") for op, *rest in (
    ("getData",), ("getACL",), ("getChildren2",), ("setData", "x"), ("setACL", WORLD), ("delete",), ("create",))),
     ["getACL", "/zookeeper/config"], ["setData", "/zookeeper/config", "x"], ["setACL", "/zookeeper/config", WORLD], ["delete", "/zookeeper/config"],
     ["create", "/zookeeper/config/x"], ["create", "/zookeeper/x"], ["getChildren", "/zookeeper"], ["getData", "/zookeeper/config"])

# -- quotas

LIMITS, STATS = "/zookeeper/quota/q/zookeeper_limits", "/zookeeper/quota/q/zookeeper_stats"


def with_quota(limits, *steps):
    return [HELLO, ["create", "/q", "12"], ["create", "/q/a", "345"], ["create", "/zookeeper/quota/q"], ["create", LIMITS, limits],
            ["create2", STATS, "anything"], ["getData", STATS], *steps, ["getData", STATS]]


case("quota: what is counted", *with_quota("count=-1,bytes=-1", ["create", "/q/b", "6"], ["create", "/q/b/c", None], ["getData", STATS],
     ["setData", "/q/b", "1234567"], ["setData", "/q", ""], ["setData", "/q/a", None], ["getData", STATS, True], ["delete", "/q/a"],
     ["create", "/qq", "x"], ["create", "/q/e", "eph", WORLD, 1], ["create", "/q/s", "seq", WORLD, 2], ["getData", STATS],
     ["multi", ["create", "/q/m", "m"], ["delete", "/q/m"], ["create", "/q/n", "n"]], [1, "connect"], ["closeSession"], [1, "getData", STATS],
     [1, "setData", STATS, "count=7,bytes=9=;x=3;a=4"], [1, "create", "/q/o", "o"], [1, "getData", STATS], [1, "delete", LIMITS],
     [1, "create", "/q/p"]))
case("quota: the deepest one counts", *with_quota("count=-1,bytes=-1", ["create", "/q/a/in", "x"], ["create", "/zookeeper/quota/q/a"],
     ["create", "/zookeeper/quota/q/a/zookeeper_limits", "count=5"], ["create", "/q/a/early"], ["create", "/zookeeper/quota/q/a/zookeeper_stats"],
     ["create", "/q/a/more", "yy"], ["getData", "/zookeeper/quota/q/a/zookeeper_stats"], ["getData", STATS],
     ["delete", "/zookeeper/quota/q/a/zookeeper_limits"], ["create", "/q/a/last", "zzz"], ["getData", "/zookeeper/quota/q/a/zookeeper_stats"]))
case("quota: limits that are not enforced", *with_quota("count=1,bytes=1=;byteHardLimit=1;countHardLimit=1", ["create", "/q/b", "x" * 50],
     ["setData", "/q/b", "y"], ["create", "/q/c"]))
for limits in ("count=3,bytes=-1", "count=1,bytes=1", "countHardLimit=3", "count=1,bytes=1=;countHardLimit=4", "byteHardLimit=8",
               "count=-1,bytes=-1=;byteHardLimit=10;countHardLimit=4", "count=1,bytes=1=;byteHardLimit=9", "byteHardLimit=-1", "nonsense", "count=x",
               "count=", "count==4", "", "countHardLimit=+3", ",count=1", "countHardLimit=3;;", None):
    case("quota: %s enforced" % limits, *with_quota(limits, ["create", "/q/b", "1234"], ["create", "/q/c", "12345"], ["create", "/q/d"],
         ["setData", "/q/b", "123"], ["setData", "/q/a", "12345678901", 7], ["setData", "/q/a", "1"], ["setData", "/q/a", None],
         # One by one, and on one server: what the leader has applied counts, which is a race for all others.
         ["delete", "/q/a"], ["create", "/q/e"], ["create", "/q/f"], ["setData", "/q/e", "123456"], ["setData", "/q/e", "1234567"],
         ["multi", ["create", "/q/m", "123456789"], ["create", "/q/n"]], ["create", "/r", "123456789012"]), servers=(1,),
         enforceQuota="true")

# -- containers and TTL znodes, and who removes them

REAP = {"znode__container__checkIntervalMs": 300}
TTL = {"extendedTypesEnabled": "true", **REAP}
# What takes time is tried on one server; a step lasts until a znode is gone.
case("containers that emptied go", HELLO, [1, "connect"], ["createContainer", "/never"], ["createContainer", "/used"], ["create", "/used/x"],
     ["createContainer", "/outer"], ["createContainer", "/outer/inner"], ["create", "/outer/inner/x"], ["multi", ["create", "/plain", "", WORLD, 4]],
     ["create", "/persistent", "", WORLD, 4], ["create", "/persistent/x"], ["delete", "/persistent/x"], ["createContainer", "/eph", "", WORLD, 1],
     ["create", "/eph/x"], [1, "exists", "/used", True], [1, "getChildren", "/", True], ["until gone", "/used", ["delete", "/used/x"]],
     ["until gone", "/eph", ["delete", "/eph/x"]], ["create", "/plain/x"], ["until gone", "/plain", ["delete", "/plain/x"]],
     ["until gone", "/outer", ["delete", "/outer/inner/x"]], ["getChildren2", "/"], [1, "ping"], servers=(1,), **REAP)
case("TTL znodes", HELLO, *(["createTTL", "/t%d-%d" % (flag, k), "x", WORLD, flag, ttl]
                            for flag in range(-1, 8) for k, ttl in enumerate((0, 1, 60000, (1 << 40) - 1, 1 << 40, 5 if flag < 5 else -1))),
     *([op, "/o%s%d" % (op, flag), "", WORLD, flag] for op in ("create", "create2", "createContainer") for flag in (5, 6)),
     *(["multi", [op, "/m%s%d" % (op, flag), "", WORLD, flag]] for op in ("create", "create2", "createContainer") for flag in (5, 6)),
     *(["multi", ["createTTL", "/m%d-%d" % (flag, k), "", WORLD, flag, ttl]]
       for flag in (0, 2, 4, 5, 6) for k, ttl in enumerate((-1, 0, 60000))),
     ["create", "/t5-2/child"], ["create", "/t5-2/eph", "", WORLD, 1], ["exists", "/t5-2"], ["getEphemerals", "/"],
     extendedTypesEnabled="true")
case("TTL znodes that outlived their time go", HELLO, [1, "connect"], ["createTTL", "/long", "x", WORLD, 5, 600000], [1, "addWatch", "/", 1],
     ["until gone", "/short", ["createTTL", "/short", "x", WORLD, 5, 200]], ["multi", ["createTTL", "/full", "x", WORLD, 5, 200], ["create", "/full/x"]],
     ["until gone", "/next", ["createTTL", "/next", "x", WORLD, 5, 300]], ["getChildren2", "/"], ["until gone", "/full", ["delete", "/full/x"]],
     ["createContainer", "/c"], ["create", "/c/x"], ["until gone", "/c", ["delete", "/c/x"]], ["getChildren", "/"], servers=(1,), **TTL)

# -- limits

case("a smaller jute.maxbuffer", HELLO, ["create", "/big", {"fill": "x", "n": 2000 - 8 - 8 - 39}], ["setData", "/big", {"fill": "y", "n": 2000 - 8 - 16}],
     ["setData", "/big", {"fill": "z", "n": 2000 - 8 - 15}], [1, "connect"], [1, "exists", "/big"], [2, "raw", "000007d1"], [3, "connect", {"tail": "00" * 1955}],
     [4, "connect", {"tail": "00" * 1956}], servers=(1,), **{"jute__maxbuffer": 2000})
case("a larger jute.maxbuffer", HELLO, ["create", "/big", {"fill": "x", "n": 4000000}], ["exists", "/big"], ["getData", "/big"],
     ["multi", ["setData", "/big", {"fill": "y", "n": 3000000}], ["create", "/more", {"fill": "z", "n": 900000}]], [1, "connect", {"server": 1}],
     [1, "exists", "/big"], ["setData", "/big", {"fill": "x", "n": 4194304}], servers=(3,), **{"jute__maxbuffer": 4194304})

# -- local sessions

LOCAL = [["connect", {"server": 0}], [1, "connect", {"server": 2}], ["create", "/l", "x"], [1, "create", "/m"], ["getData", "/l", True],
         [1, "setData", "/l", "y"], [2, "resume", 0, {"server": 0}], [2, "getData", "/l"], [2, "setData", "/l", "z"], [3, "resume", 0, {"server": 1}],
         [3, "resume", 0, {"server": 2}], [0, "resume", 1, {"server": 2}], [0, "delete", "/m"], [0, "setData", "/l", ""], [1, "ping"],
         [1, "connect", {"server": 2}], [1, "getEphemerals", "/"]]
EPHEMERALS = [[label, *op] for label in (2, 1) for op in (
    ["multi", ["create", "/n%d" % label], ["create", "/e%d" % label, "", WORLD, 3], ["create", "/o"]], ["createContainer", "/c%d" % label, "", WORLD, 1],
    ["create", "/e%d" % label, "", WORLD, 1], ["create", "/e", "", WORLD, 100], ["create2", "/f%d" % label, "", WORLD, 3],
    ["create", "/g%d" % label, "", WORLD, 1, {"cut": 2}], ["exists", "/e%d" % label], ["getEphemerals", "/"])]
for upgrade in ("false", "true"):
    case("local sessions, upgrading: %s" % upgrade, *LOCAL, *EPHEMERALS, [3, "resume", 2, {"server": 1}], [3, "getEphemerals", "/"],
         [3, "create", "/h", "", WORLD, 1], [2, "ping"], [2, "closeSession"], [3, "closeSession"], [1, "closeSession"], [0, "connect", {"server": 1}],
         [0, "getChildren", "/"], [0, "batch", ["create", "/p"], ["getData", "/p"], ["create", "/q", "", WORLD, 1], ["getData", "/q"], ["closeSession"]],
         [1, "connect"], [1, "getChildren2", "/"], [1, "resume", 0], servers=(3,), localSessionsEnabled="true",
         localSessionsUpgradingEnabled=upgrade)
case("local sessions need an ensemble", HELLO, ["create", "/e", "", WORLD, 1], ["closeSession"], servers=(1,), localSessionsEnabled="true")
