"""Random sequences: what clients do, good, bad and hostile. A seed always makes the same sequence."""
import json
import random

NAMES = ("a", "b", "c")
ODD_PATHS = ("/", "", "a", "/a/", "//", "/a//b", "/a/.", "/a/../b", "/a/...", "/zookeeper", "/zookeeper/quota", "/zookeeper/config",
             "/zookeeper/config/x", "/zookeeper/x", "/zookeeper/quota/a", "/zookeeper/quota/a/zookeeper_limits", "/a\0b", "/\x01", "/\x7f",
             "/\u00e9", "/a/\u20ac", "/\uf8ff", "/\ud7ff", "/\ufff0", "/\U0001f600", "/\udcff", "/a/\udcc3", None, " ", "/ ", "/a/b/c/d/e",
             {"fill": "/a", "n": 200})
ACLS = ([[31, "world", "anyone"]],) * 24 + (
    [[1, "world", "anyone"]], [[31, "auth", ""]], [[31, "auth", "who"]], [[3, "auth", ""], [4, "world", "anyone"]],
    [[31, "digest", "u:sTQ1nkvfLdBSTOAS4jqHOmh7hMc="]], [[31, "digest", "u"]], [[31, "digest", "u:p:q"]], [[31, "digest", ":x"]],
    [[16, "digest", "ann:x"], [1, "world", "anyone"]], [[31, "ip", "127.0.0.1"]], [[31, "ip", "127.0.0.0/8"]], [[31, "ip", "10.0.0.1"]],
    [[31, "ip", "1.2.3"]], [[31, "ip", "1.2.3.4/33"]], [[31, "ip", "::1"]], [[31, "ip", ""]], [[31, "world", "someone"]],
    [[31, "nobody", "x"]], [[31, "super", ""]], [[31, "sasl", "joe"]], [[31, "x509", "CN=joe"]], [[31, "", ""]], [[31, None, "x"]],
    [[31, "world", None]], [[31, "digest", None]], [[31, "ip", None]], [[31, None, None]], [[31, "auth", None]], None, [],
    [[0, "world", "anyone"]], [[255, "world", "anyone"]], [[-1, "world", "anyone"]], [[31, "world", "anyone"]] * 2,
    [[1, "world", "anyone"], [1, None, "x"]], [[15, "world", "anyone"], [31, "ip", "127.0.0.1"], [15, "world", "anyone"]],
    [[6, "world", "anyone"]], [[8, "world", "anyone"]], [[20, "world", "anyone"]],
    [[31, "digest", "\udcff:x"]])
AUTHS = (["digest", "ann:1"], ["digest", "bob:2"], ["digest", "u:p"], ["digest", "plain"], ["digest", ""], ["digest", ":"],
         ["digest", "super:secret"], ["ip", "1.2.3.4"], ["ip", ""], ["digest", "\u00e9:\udcff"])
BAD_AUTHS = (["nobody", "x"], ["digest", None], [None, "x"], ["super", ""], ["auth", ""], ["world", "anyone"], ["sasl", "x"])
DATA = ("", "x", "hello", None, {"fill": "d", "n": 1000}, "\udcff\udc80\0", {"fill": "d", "n": 100000})


class Maker:
    def __init__(self, seed, servers):
        self.rnd = random.Random(seed)
        self.servers = servers
        self.labels = self.rnd.randrange(2, 5)
        self.alive = set()
        self.ever = set()

    def sequence(self, length):
        steps = []
        while len(steps) < length:
            steps.append(self.step())
        return steps

    # arguments

    def one(self, *of):
        return self.rnd.choice(of)

    def chance(self, p):
        return self.rnd.random() < p

    def path(self, odd=0.06):
        if self.chance(odd):
            return self.one(*ODD_PATHS)
        depth = self.one(1, 1, 2, 2, 2, 3)
        path = "".join("/" + self.one(*NAMES) for _ in range(depth))
        if self.chance(0.08):
            path += "%010d" % self.rnd.randrange(4)
        return path if not self.chance(0.05) else "/"

    def own_path(self):
        """One that may be changed: the config cannot be put back as it was."""
        path = self.path()
        return "/a" if path == "/zookeeper/config" else path

    def version(self):
        return self.one(-1, -1, -1, 0, 0, 1, 1, 2, 3, -2, 2147483647, -2147483648)

    def acl(self):
        return self.one(*ACLS)

    def data(self):
        return self.one(*DATA)

    def flag(self):
        return self.one(0, 0, 0, 0, 1, 1, 2, 3) if not self.chance(0.05) else self.one(4, 5, 6, 7, -1, 100)

    def watch(self):
        return self.chance(0.5)

    def zxid(self):
        return self.one({"z": self.rnd.randrange(0, 60)}, {"z": self.rnd.randrange(0, 60)}, 0, -1, {"z": 1000000}, 1 << 62)

    def some_paths(self):
        if self.chance(0.03):
            return None
        return [self.path() for _ in range(self.rnd.randrange(0, 4))]

    # operations

    def create(self):
        op = self.one("create", "create", "create", "create2", "create2", "createContainer")
        return [op, self.path(), self.data(), self.acl(), self.flag()]

    def alone(self):
        """A write that may not be sent with others: a request right behind a setACL meets the former ACL in Apache, or not."""
        return ["setACL", self.own_path(), self.acl(), self.version()]

    def write(self):
        kind = self.rnd.randrange(100)
        if kind < 45:
            return self.create()
        if kind < 65:
            return ["delete", self.path(), self.version()]
        if kind < 84:
            return ["setData", self.own_path(), self.data(), self.version()]
        if kind < 87:
            # Without TTL flags, and with -1 for none, it ends Apache's server.
            flags = self.one(0, 1, 4, 5, 6, 9)
            return ["createTTL", self.path(), self.data(), self.acl(), flags, self.one(1000, 0, 1 << 40, -1 if flags > 4 else 5)]
        if kind < 89 and self.servers == 1:
            return ["reconfig", self.one(None, ""), self.one(None, "1"), self.one(None, "x"), self.one(-1, 5)]
        subs = [self.sub() for _ in range(self.one(0, 1, 2, 3, 3, 4, 5, 8))]
        # A null path in a multi costs Apache a zxid that no transaction has, and in an ensemble all further answers.
        return ["multi"] + [[op, "/a" if path is None else path, *rest] for op, path, *rest in subs]

    def sub(self):
        kind = self.rnd.randrange(100)
        if kind < 45:
            return self.create()
        if kind < 60:
            return ["delete", self.path(0.02), self.one(-1, -1, 0)]
        if kind < 80:
            return ["setData", "/a" + self.one("", "/a", "/b"), self.data(), self.one(-1, -1, -1, 0)]
        if kind < 97:
            return ["check", self.path(0.03), self.one(-1, -1, -1, 0, 1)]
        return self.one(["createTTL", self.path(), "", [[31, "world", "anyone"]], 5, 1000], ["getData", "/a"], ["setACL", "/a", None],
                        ["sync", "/"], ["getChildren", "/"])

    def read(self):
        op = self.one("exists", "exists", "getData", "getData", "getChildren", "getChildren2", "getACL", "sync", "ping",
                      "getEphemerals", "getAllChildrenNumber", "multiRead", "addWatch", "removeWatches", "checkWatches",
                      "setWatches", "setWatches2", "whoAmI")
        if op in ("ping", "whoAmI"):
            return [op]
        if op in ("getACL", "sync", "getAllChildrenNumber"):
            return [op, self.path()]
        if op == "getEphemerals":
            return [op, self.one(self.path(), "/a", "/", None, " ", "", " /a", "/a/")]
        if op == "multiRead":
            if self.chance(0.05):
                return [op] + [self.sub() for _ in range(2)]
            return [op] + [self.one(["getData", self.path(), self.watch()], ["getChildren", self.path(), self.watch()])
                           for _ in range(self.rnd.randrange(0, 5))]
        if op == "addWatch":
            # Apache loses watches of connections that are gone once one was on a null path.
            return [op, self.path() or "/a", self.one(0, 0, 1, 1, 0, 1, 2, -1)]
        if op in ("removeWatches", "checkWatches"):
            return [op, self.path(), self.one(1, 2, 3, 3, 1, 2, 3, 0, 4, 5, -1)]
        if op in ("setWatches", "setWatches2"):
            lists = [self.some_paths() for _ in range(3 if op == "setWatches" else 5)]
            return [op, self.zxid()] + lists[:3] + [paths and [p or "/a" for p in paths] for paths in lists[3:]]
        return [op, self.path(), self.watch()]

    def hostile(self, op):
        """An operation with something wrong in its record."""
        how = self.rnd.randrange(5)
        if how == 0:
            return op + [{"cut": self.rnd.randrange(1, 12)}]
        if how == 1:
            return op + [{"tail": self.one("00", "ffffffff", "0000000000000001")}]
        if how == 2:
            return op + [{"poke": [self.rnd.randrange(64), self.one(0, 1, 0x7f, 0x80, 0xff, 0xc0, self.rnd.randrange(256))]}]
        if how == 3:
            return op + [{"poke": [self.rnd.randrange(4), self.one(0x7f, 0xff, 0x80, 1, 0)]}]
        return op + [{"xid": self.one(0, 1, -3, 2147483647, 77)}]

    # steps

    def batched(self):
        """An operation to be sent with others. Where a multi trips over a null, Apache's next requests see what it would have done."""
        op = self.one(self.write, self.read)()
        return op if op[0] != "multi" or "null" not in json.dumps(op) else ["multi"]

    def step(self):
        label = self.rnd.randrange(self.labels)
        if label not in self.alive:
            return self.arrive(label)
        kind = self.rnd.randrange(1000)
        if kind < 25:
            return [label, *self.alone()]
        if kind < 420:
            return [label, *self.write()]
        if kind < 780:
            return [label, *self.read()]
        if kind < 850:
            return [label, "batch"] + [self.batched() for _ in range(self.rnd.randrange(2, 7))]
        if kind < 905:
            op = self.one(self.write, self.read, self.read)()
            # A reconfig that cannot be read leaves Apache's session without answers for ever.
            return [label, *(self.hostile(op) if op[0] not in ("reconfig", "ping") else op)]
        if kind < 940:
            return self.authenticate(label)
        if kind < 955:
            self.alive.discard(label)
            return [label, self.one("drop", "closeSession")]
        if kind < 980:
            return self.move(label)
        if kind < 985:
            return [label, "sasl", self.one("", "x", None)]
        self.alive.discard(label)
        return self.one([label, "op", self.one(0, -1, 10, 20, 23, 99, 108, -10, 1000), ""],
                        [label, "raw", self.one("ffffffff", "80000000", "00100000", "7fffffff")],
                        [label, "raw", "000000" + self.one("00", "0100", "04000000ff", "07ffffffffffffff")])

    def arrive(self, label):
        """A connection for one who has none: a new session, or an old one."""
        self.alive.add(label)
        if self.ever and self.chance(0.4):
            return [label, "resume", self.one(*sorted(self.ever)), {"server": self.rnd.randrange(3)}]
        self.ever.add(label)
        o = {"server": self.rnd.randrange(3)}
        if self.chance(0.1):
            o["timeout"] = self.one(0, -1, 1, 30000, 2147483647)
        if self.chance(0.1):
            o["read_only"] = self.one(True, None)
        if self.chance(0.03):
            self.alive.discard(label)
            o.update(self.one({"zxid": {"z": 1000000}}, {"sid": 77}, {"sid": -1}, {"cut": 5}, {"sid": 5, "passwd": None}))
        return [label, "connect", o]

    def move(self, label):
        """Someone's session, own or other, through another connection."""
        o = {"server": self.rnd.randrange(3)}
        if self.chance(0.15):
            self.alive.discard(label)
            o["passwd"] = self.one("wrong", "", None, "0123456789abcdef")
        return [label, "resume", self.one(*sorted(self.ever)), o]

    def authenticate(self, label):
        if self.chance(0.9):
            return [label, "auth", *self.one(*AUTHS)]
        self.alive.discard(label)
        return [label, "auth", *self.one(*BAD_AUTHS)] + self.one([], [{"cut": 3}])


def make(seed, length, servers):
    return Maker(seed, servers).sequence(length)
