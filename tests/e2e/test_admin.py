#!/usr/bin/env python3
"""What operators are told: the four-letter words, the admin pages, the metrics. Most of it by comparison: the same is done to
Apache ZooKeeper and to zkserver, and what they say must be the same but for what depends on time and place.
"""
import http.client
import json
import os
import re
import socket
import subprocess
import threading
import urllib.error
import urllib.request

import ensemble
import harness
import wire
from ensemble import NotAvailable, wait_for

WORDS = "ruok isro srvr stat cons conf dirs wchs wchc wchp dump hash gtmk envi mntr".split()
PROMETHEUS = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider"
NOT_SERVING = "This ZooKeeper instance is not currently serving requests"

# What Apache counts inside itself that has no counterpart here: its queues and caches, the JVM, each first part of a path.
APACHES_OWN = re.compile(r"(?:(?:avg|min|max|cnt|sum|p50|p95|p99|p999)_)?(?:jvm_pause_time_ms|netty_queued_buffer_capacity|socket_closing_time"
                         r"|proposal_process_time|\w+_commit_proc_\w+|session_queues_drained|\w+_session_queue"
                         r"|inflight_(?:snap|diff)_count|pending_session_queue_size|\w+_processor_queue_(?:size|time_ms|flush_time_ms)"
                         r"|prep_process_time|commit_process_time|sync_process_time|\w+_in_commit_processor(?:_read_ms)?|\w+_commitproc_time_ms"
                         r"|close_session_prep_time|\w+_write_committed_time_ms|om_\w+_time_ms"
                         r"|(?:read|write)_final_proc_time_ms|dead_watchers_cleaner_latency|proposal_ack_creation_latency"
                         r"|\w+_(?:read|write)_per_namespace|ack_latency|\d+_ack_latency"
                         r"|loop_turns|loop_turn_max_(?:cpu_)?us)"  # these are zkserver's own
                         r"|request_commit_queued|quota_\w+|(?:\w+_)?\d+_learner_handler_qp_\w+")
# Figures that do not depend on time, and are the same after the same was done.
SAME_FIGURES = """ephemerals_count num_alive_connections outstanding_requests znode_count global_sessions local_sessions watch_count
    approximate_data_size last_client_response_size max_client_response_size min_client_response_size connection_drop_probability
    auth_failed_count synced_followers synced_observers synced_non_voting_followers learners pending_syncs quorum_size
    proposal_count commit_count learner_proposal_received_count learner_commit_received_count connection_request_count
    response_bytes watch_bytes connection_rejected cnt_connection_token_deficit stale_requests stale_requests_dropped throttled_ops
    request_throttle_wait_count unsuccessful_handshake tls_handshake_exceeded
    outstanding_changes_queued outstanding_changes_removed prep_processor_request_queued looking_count
    cnt_node_created_watch_count sum_node_created_watch_count cnt_updatelatency cnt_propagation_latency
    stale_sessions_expired unrecoverable_error_count digest_mismatches_count
    last_proposal_size max_proposal_size min_proposal_size""".split()


def raw(member, data):
    """Everything that comes back for these bytes until the server closes."""
    with socket.create_connection(member.address, timeout=ensemble.DEADLINE) as s:
        s.sendall(data)
        got = b""
        while True:
            try:
                piece = s.recv(1 << 16)
            except ConnectionResetError:
                return got
            if not piece:
                return got
            got += piece


def fetch(member, path, method="GET", port=None):
    """(status, headers, text) of a page."""
    request = urllib.request.Request("http://127.0.0.1:%d%s" % (port or member.admin_port, path), method=method)
    try:
        with urllib.request.urlopen(request, timeout=ensemble.DEADLINE) as r:
            return r.status, r.headers, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.headers, e.read().decode()


def page(member, name):
    """What a command's page says."""
    status, headers, text = fetch(member, "/commands/" + name)
    assert (status, headers["Content-Type"]) == (200, "application/json"), (status, headers["Content-Type"], text)
    return json.loads(text)


def figures(member):
    """mntr as a dict, without zk_."""
    return dict(re.findall(r"^zk_(\S+)\t(.*)$", member.word("mntr"), re.M))


# -- what is left of an answer without time and place --------------------------------------------------------------------

def plain(member, text):
    """An answer without versions, addresses, folders, times and session ids; lists whose order says nothing are sorted."""
    for other in member.ensemble.members:
        text = re.sub(r"\b(?:%d|%d|%d|%d)\b" % (other.client_port, other.quorum_port, other.election_port, other.admin_port),
                      "PORT", text)
    text = text.replace(os.path.realpath(member.folder), "DIR").replace(member.folder, "DIR").replace("DIR/version-2", "DIR")
    text = re.sub(r'3\.8\.0-[^\n"]*', "VERSION", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "ADDRESS", text)
    text = re.sub(r"\w{3} \w{3} \d\d \d\d:\d\d:\d\d \S+ \d{4}", "DATE", text)
    for k, other in enumerate(m for m in member.ensemble.members if hasattr(m, "client")):
        text = re.sub(r"\b0x%x\b|\b%d\b" % (2 * (other.client.session.id,)), "SESSION%d" % k, text)
    text = re.sub(r"(Latency min/avg/max: |Received: |Sent: |\w*[sS]ize[:=] ?|est=|lresp=|\w*lat=)[-\d./E]+",
                  r"\1N", text)
    return re.sub(r"\[[015]\]\(queued=0,recved=\d+,sent=\d+", "[OPS](queued=0,recved=N,sent=N", text)


def plain_word(member, word):
    text = plain(member, raw(member, word.encode()).decode())
    if text.startswith(NOT_SERVING):
        return text
    if word in ("stat", "cons"):
        head, *clients = re.split(r"^(?= /)", text, flags=re.M)
        last, rest = clients[-1].split("\n", 1)
        return head + "".join(sorted(clients[:-1] + [last + "\n"])) + rest
    if word in ("wchc", "wchp"):
        groups = re.findall(r"^\S.*\n(?:\t.*\n)*", text, re.M)
        return "".join(sorted(g.split("\n")[0] + "\n" + "\n".join(sorted(g.split("\n")[1:])) for g in groups)) + text[-1]
    if word == "dump":
        # Which bucket something falls into depends on the moment.
        text = re.sub(r"^\d+ expire at DATE:\n", "", text, flags=re.M)
        text = re.sub(r"Sets \(\d+\)", "Sets (N)", text)
        head, ephemerals, tail = re.match(r"(.*Ephemerals \(\d+\):\n)(.*)(Connections dump:.*)", text, re.S).groups()
        sessions = re.findall(r"^\tSESSION\d\n", head, re.M)
        head = re.sub(r"^\tSESSION\d\n", "", head, flags=re.M) + "".join(sorted(sessions))
        return head + "".join(sorted(re.findall(r"SESSION\d:\n(?:\t.*\n)*", ephemerals))) + \
            "\n".join(sorted(tail.splitlines()[2:] + tail.splitlines()[:2]))
    if word == "envi":
        return re.sub(r"=.*", "=", text)
    if word == "mntr":
        names = re.sub(r"^(zk_\w+)\t(.*)$", lambda m: m.group(1) + " " + ("0" if re.fullmatch(r"-?\d+", m.group(2)) else
                       "0.0" if re.fullmatch(r"-?\d+\.\d+(E-4)?", m.group(2)) else "text"), text, flags=re.M).splitlines()
        return "\n".join(sorted(n for n in names if not APACHES_OWN.fullmatch(n.split()[0][3:])))
    return text


def shape(value, key=""):
    """A page's fields and their types; text stays where it is no place or time."""
    if isinstance(value, dict):
        if key in ("expiry_time_to_session_ids", "session_id_to_ephemeral_paths", "session_id_to_watched_paths"):
            if key == "expiry_time_to_session_ids":
                return sum(map(len, value.values()))
            return sorted(sorted(map(str, v)) for v in value.values())
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(v) for v in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, (int, float)):
        return value if key in ("client_port", "tick_time", "max_client_cnxns", "server_id", "node_count", "tracemask", "num_paths",
                                "num_connections", "num_total_watches", "interest_ops", "last_processed_zxid", "last_cxid",
                                "session_timeout", "last_zxid", "zab_epoch", "zab_counter") else type(value).__name__
    return value


def plain_page(member, name):
    status, headers, text = fetch(member, "/commands/" + name)
    assert (status, headers["Content-Type"]) == (200, "application/json"), (name, status, text)
    got = json.loads(re.sub(r"SESSION|PORT", "1", plain(member, text)))
    name = got["command"]
    if name in ("environment", "system_properties"):
        return sorted(k for k in got if not re.match(r"file\.|java\.(?!version$)|jdk\.|jetty\.|line\.|native\.|org\.|path\.|sun\.|user\.(?!name$|home$|dir$)"
                                                     r"|zookeeper\.(?!4lw|admin\.enable)|host\.name|os\.memory|zookeeper.version", k))
    if name == "monitor":
        got = {k: v for k, v in got.items() if not APACHES_OWN.fullmatch(k)}
    if name == "initial_configuration" and "initial_configuration" in got:
        got["initial_configuration"] = "text"  # null in Apache's ensembles
    if name == "last_snapshot":
        got.pop("zxid", None)  # Apache takes one at its start
    return shape(got)


# -- comparison ----------------------------------------------------------------------------------------------------------

def pages_ensemble(case, n, engine, **options):
    """An ensemble whose members have admin pages."""
    if engine == "apache":
        need_apache()
    defaults = {"admin.enableServer": "true", "admin.serverAddress": "127.0.0.1"}
    ens = case.ensemble(n, engines=[engine] * n, options=dict(defaults, **options))
    for m in ens.members:
        m.admin_port = ensemble.ports.take()
        with open(m.cfg, "a") as f:
            f.write("admin.serverPort=%d\n" % m.admin_port)
    return ens


JETTY = ("jetty9-server", "jetty9-servlet", "jetty9-http", "jetty9-io", "jetty9-util", "jetty9-util-ajax", "jetty9-security",
         "servlet-api", "jackson-core", "jackson-databind", "jackson-annotations")


def need_apache():
    """Apache's pages need more jars than Apache itself."""
    jars = ensemble.JARS + tuple(j for j in JETTY if j not in ensemble.JARS)
    missing = [j for j in jars if not os.path.exists(os.path.join(os.environ.get("ZOOKEEPER_JARS", "/usr/share/java"), j + ".jar"))]
    if missing:
        raise NotAvailable("Apache ZooKeeper's admin pages need %s" % " ".join(missing))
    ensemble.JARS = jars


def start_led_by_2(ens):
    """With three members the second leads, whatever the engine: the third comes when the first two have a leader."""
    for m in ens.members[:2]:
        m.start()
    ens.wait_serving()
    return ens.start()


def do_things(case, ens):
    """The same for each engine: on every member a session, an ephemeral, a znode, watches, a watch that goes off."""
    for k, m in enumerate(ens.members):
        c = case.conn(m.address, timeout=20000)
        c.create("/eph%d" % k, b"x", flags=wire.EPHEMERAL)
        c.create("/p%d" % k, b"x" * 10)
        c.get("/p%d" % k, watch=True)
        c.exists("/nope%d" % k, watch=True)
        c.exists("/comes%d" % k, watch=True)
        c.children("/", watch=True)
        c.create("/comes%d" % k)
        c.event()
        c.event()
        c.children("/", watch=True)
        m.client = c
    # Every member has applied all of it, and its watches went off.
    for m in ens.members:
        m.client.sync()
        m.client.children("/", watch=True)


class Comparison(harness.Case):
    def pair(self, n, **options):
        """Two ensembles to which the same was done: Apache's and ours."""
        try:
            both = [start_led_by_2(pages_ensemble(self, n, engine, **options)) for engine in ("apache", "ours")]
        except NotAvailable as e:
            self.skipTest(str(e))
        for ens in both:
            do_things(self, ens)
        return both

    def members(self, ens):
        leader = ens.leader()
        return [leader] + ens.followers()[:1] if len(ens.members) > 1 else [leader]

    def compare(self, both, ask, questions):
        for member, other in zip(*map(self.members, both)):
            for q in questions:
                with self.subTest(q, mode=other.mode()):
                    self.assertEqual(ask(other, q), ask(member, q))

    def check_all(self, n):
        both = self.pair(n)
        # The other members' clients would see each other's changes at moments of their own.
        self.compare(both, lambda m, name: {k: v for k, v in figures(m).items() if k == name}, SAME_FIGURES)
        self.compare(both, plain_word, WORDS)
        names = re.findall(r">(\w+)<", fetch(both[0][1], "/commands")[2])
        self.assertEqual(fetch(both[1][1], "/commands")[2], fetch(both[0][1], "/commands")[2])
        self.assertEqual(len(names), 26)
        self.compare(both, plain_page, [name for name in names if not name.endswith("reset")])
        self.compare(both, plain_page, "conf config cons crst srst orst env envi gtmk icfg isro lsnp lead mntr obsr srvr stmk stat "
                                       "sysp wchs wchc wchp nope srvr/x /ruok RUOK ru%6fk set_trace_mask?traceMask=7 stmk?traceMask=x "
                                       "set_trace_mask?traceMask=306 connections server_stats".split())
        self.compare(both, lambda m, word: m.word(word), ["srst", "crst"])
        self.compare(both, plain_word, ["srvr", "mntr"])
        self.compare(both, lambda m, word: raw(m, word), [b"stmk" + b"\0" * 7 + b"\5", b"gtmk", b"stmk" + b"\xff" * 8, b"gtmk",
                                                          b"\xff\xf4\xff\xfd", b"RUOK", b"ruok\n", b"ruokruok"])

    def test_a_single_server_says_what_apache_says(self):
        self.check_all(1)

    def test_leader_and_follower_say_what_apaches_say(self):
        self.check_all(3)

    def test_the_trees_digests(self):
        """At every 128th transaction, in the same lines and the same layout; the numbers are made of times, too, and differ."""
        both = self.pair(3)
        for ens in both:
            c = ens.leader().client
            for n in range(300):
                c.send(wire.SET, wire.set_data("/p0", b"%d" % n))
            for n in range(300):
                self.assertEqual(c.reply().err, 0)
            for m in ens.members:
                m.client.sync()
        self.compare(both, lambda m, _: re.sub(r": \d+\n", ": N\n", raw(m, b"hash").decode()), ["hash"])
        self.compare(both, lambda m, _: re.sub(r'"digest" : \d+', '"digest" : N', fetch(m, "/commands/hash")[2]), ["hash"])
        for ens in both:
            said = {m: raw(m, b"hash").decode() for m in ens.members}
            self.assertEqual(len(set(said.values())), 1, said)
            self.assertEqual([line.split(": ")[0] for line in said[ens[1]].splitlines()], ["100000080", "100000100"])
            self.assertEqual([(d["zxid"], d["digest"], d["digest_version"]) for d in page(ens[1], "hash")["digests"]],
                             [(int(zxid, 16), int(digest), 2) for zxid, digest in
                              (line.split(": ") for line in said[ens[1]].splitlines())])
            self.assertEqual({figures(m)["digest_mismatches_count"] for m in ens.members}, {"0"})

    def test_without_a_quorum(self):
        try:
            both = [pages_ensemble(self, 3, engine) for engine in ("apache", "ours")]
        except NotAvailable as e:
            self.skipTest(str(e))
        for ens in both:
            ens[1].start()
            wait_for("a page of %s" % ens[1].engine, lambda: self.answers(ens[1]))
        apache, ours = both[0][1], both[1][1]
        for word in WORDS + ["srst", "crst"]:
            with self.subTest(word):
                self.assertEqual(plain_word(ours, word), plain_word(apache, word))
        for name in re.findall(r">(\w+)<", fetch(ours, "/commands")[2]):
            with self.subTest(name):
                if name != "monitor":  # which Apache answers with status 500 and a stack trace
                    self.assertEqual(plain_page(ours, name), plain_page(apache, name))
        self.assertEqual(page(ours, "monitor"), {"command": "monitor", "error": NOT_SERVING})

    def answers(self, m):
        try:
            return fetch(m, "/commands/gtmk")[0] == 200 and m.word("ruok") == "imok"
        except OSError:
            return False

    def test_words_that_are_not_in_the_whitelist(self):
        both = self.pair(1, **{"4lw.commands.whitelist": "stat, ruok,mntr"})
        self.compare(both, lambda m, word: plain(m, raw(m, word).decode("latin-1")),
                     [w.encode() for w in WORDS if w not in ("mntr", "stat")] + [b"stmk", b"srst", b"\xff\xf4\xff\xfd"])

    def test_methods(self):
        both = self.pair(1)
        for method in "HEAD POST PUT DELETE TRACE OPTIONS".split():
            with self.subTest(method):
                self.assertEqual(fetch(both[1][1], "/commands/ruok", method)[0], fetch(both[0][1], "/commands/ruok", method)[0])
        for path in "/ /metrics /comman /commands/../commands/ruok /commands%00".split():
            with self.subTest(path):
                self.assertEqual(fetch(both[1][1], path)[0] == 200, fetch(both[0][1], path)[0] == 200)


# -- ours ----------------------------------------------------------------------------------------------------------------

class Pages(harness.Case):
    """What only zkserver has, or does otherwise."""

    def one(self, start=True, **options):
        ens = pages_ensemble(self, 1, "ours", **options)
        return ens.start()[1] if start else ens[1]

    def rewrite(self, m, **options):
        """The member with other lines in its zoo.cfg."""
        keep = [line for line in open(m.cfg) if line.split("=")[0] not in options]
        with open(m.cfg, "w") as f:
            f.write("".join(keep) + "".join("%s=%s\n" % kv for kv in options.items() if kv[1] is not None))
        return m

    def pages_of(self, m):
        """Where the log says that its pages are."""
        return re.findall(r"(?:admin pages|metrics) are at (\S+)$", open(m.log).read(), re.M)

    def ports_open(self, m):
        """The ports that the process listens on."""
        out = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True).stdout
        return set(re.findall(r"(\S+):(\d+) .*pid=%d,"[:-1] % m.process.pid, out)) if out else None

    def test_a_port_in_use_keeps_no_server_from_starting(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            m = self.one(start=False)
            self.rewrite(m, **{"admin.serverPort": holder.getsockname()[1], "metricsProvider.className": PROMETHEUS,
                               "metricsProvider.httpPort": holder.getsockname()[1]})
            m.ensemble.start()
            self.assertEqual(m.word("ruok"), "imok")
            log = open(m.log).read()
            self.assertRegex(log, r"WARN  no admin pages: .*in use.*admin.serverPort=0")
            self.assertRegex(log, r"WARN  no metrics page: .*in use.*metricsProvider.httpPort=0")

    def test_port_0_is_any_and_the_log_says_which(self):
        m = self.one(start=False)
        self.rewrite(m, **{"admin.serverPort": 0, "admin.commandURL": "/zk"}).ensemble.start()
        [url] = self.pages_of(m)
        self.assertRegex(url, r"^http://127\.0\.0\.1:\d+/zk$")
        with urllib.request.urlopen(url + "/ruok", timeout=ensemble.DEADLINE) as r:
            self.assertEqual(json.load(r), {"command": "ruok", "error": None})
        self.assertNotIn("WARN", open(m.log).read())

    def test_the_usual_port_is_given_up_for_another(self):
        """Three servers of one machine with nothing said about pages: each has its own, and none complains."""
        ens = self.ensemble(3, engines=["ours"] * 3, options={"admin.enableServer": None}).start()
        urls = [url for m in ens.members for url in self.pages_of(m)]
        self.assertEqual(len(set(urls)), 3, urls)
        for m in ens.members:
            self.assertNotIn("WARN", open(m.log).read())

    def test_no_pages_when_they_are_off(self):
        m = self.one(start=False)
        self.rewrite(m, **{"admin.enableServer": "false"}).ensemble.start()
        self.assertEqual(self.pages_of(m), [])

    def test_http_as_it_should_not_be(self):
        """Whatever comes, the server goes on."""
        m = self.one()
        for data in (b"\0" * 100, b"GET\r\n\r\n", b"GET /commands\r\n\r\n", b"GET /commands HTTP/9.9\r\n\r\n", b"GET " + b"/" * 70000,
                     b"POST /commands/ruok HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"GET /commands/%zz HTTP/1.0\r\n\r\n",
                     b"GET /commands/ruok HTTP/1.1\r\n" + b"X: y\r\n" * 20000 + b"\r\n", b"GET /commands/ruok HTTP/1.1\r\nHost: a"):
            with socket.create_connection(("127.0.0.1", m.admin_port), timeout=ensemble.DEADLINE) as s:
                try:
                    s.sendall(data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(1 << 16):
                        pass
                except OSError:
                    pass  # it may have closed already
        self.assertEqual(page(m, "ruok")["error"], None)

    def test_a_connection_serves_many_requests(self):
        m = self.one()
        c = http.client.HTTPConnection("127.0.0.1", m.admin_port, timeout=ensemble.DEADLINE)
        for _ in range(3):
            for name in ("ruok", "monitor", "nope"):
                c.request("GET", "/commands/" + name)
                r = c.getresponse()
                self.assertIn("command", json.loads(r.read()))
        c.request("HEAD", "/commands/monitor")
        r = c.getresponse()
        self.assertGreater(int(r.headers["Content-Length"]), 1000)
        self.assertEqual(r.read(), b"")
        c.close()

    def test_paths_that_json_must_escape(self):
        m = self.one()
        c = self.conn(m.address)
        odd = "/a\"b\\c\u00e9\u20ac d"
        c.create(odd, flags=wire.EPHEMERAL)
        c.get(odd, watch=True)
        session = str(c.session.id)
        self.assertEqual(page(m, "dump")["session_id_to_ephemeral_paths"], {session: [odd]})
        self.assertEqual(page(m, "watches")["session_id_to_watched_paths"], {session: [odd]})
        self.assertEqual(page(m, "watches_by_path")["path_to_session_ids"], {odd: [c.session.id]})
        self.assertEqual(m.word("wchp"), "%s\n\t0x%x\n\n" % (odd, c.session.id))

    def test_secrets_are_not_shown(self):
        m = self.one(**{"DigestAuthenticationProvider.superDigest": "super:TOPsecret="})
        shown = "".join(fetch(m, "/commands/" + name)[2] for name in ("icfg", "sysp", "conf", "env")) + m.word("conf") + m.word("envi")
        self.assertIn("superDigest", shown)
        self.assertNotIn("TOPsecret", shown)
        self.assertNotIn("TOPsecret", open(m.log).read())


class Long(harness.Case):
    """Answers that take several turns."""

    WATCHES = 30000

    def test_many_watches_and_connections(self):
        ens = pages_ensemble(self, 1, "ours").start()
        m = ens[1]
        c, d = self.conn(m.address, timeout=60000), self.conn(m.address, timeout=60000)
        for conn in (c, d):
            for k in range(self.WATCHES):
                conn.send(wire.EXISTS, wire.watched("/watched/by/many/clients/%d" % k, True))
                if k % 500 == 499:
                    for _ in range(500):
                        conn.reply()
        paths = ["/watched/by/many/clients/%d" % k for k in range(self.WATCHES)]
        sessions = sorted((c.session.id, d.session.id))
        before = c.ping().zxid
        answers = {}
        asking = [threading.Thread(target=lambda word=word: answers.update({word: raw(m, word.encode()).decode()}))
                  for word in ("wchc", "wchp")]
        for t in asking:
            t.start()
        by_session, by_path = page(m, "watches"), page(m, "watches_by_path")
        for t in asking:
            t.join()
        self.assertEqual({k: sorted(v) for k, v in by_session["session_id_to_watched_paths"].items()},
                         {str(s): sorted(paths) for s in sessions})
        self.assertEqual({k: sorted(v) for k, v in by_path["path_to_session_ids"].items()}, {p: sessions for p in paths})
        self.assertEqual(sorted(answers["wchc"].splitlines()),
                         sorted(["", *["0x%x" % s for s in sessions], *["\t" + p for p in paths] * 2]))
        self.assertEqual(sorted(answers["wchp"].splitlines()), sorted(["", *paths, *["\t0x%x" % s for s in sessions] * self.WATCHES]))
        self.assertGreaterEqual(c.ping().zxid, before)

    def test_the_asker_goes_away(self):
        ens = pages_ensemble(self, 1, "ours").start()
        m = ens[1]
        c = self.conn(m.address, timeout=60000)
        for k in range(self.WATCHES):
            c.send(wire.EXISTS, wire.watched("/w%d" % k, True))
            if k % 500 == 499:
                for _ in range(500):
                    c.reply()
        for _ in range(20):
            with socket.create_connection(m.address) as s:
                s.sendall(b"wchc")
            with socket.create_connection(("127.0.0.1", m.admin_port)) as s:
                s.sendall(b"GET /commands/watches HTTP/1.0\r\n\r\n")
        self.assertEqual(m.word("wchs"), "1 connections watching %d paths\nTotal watches:%d\n" % (self.WATCHES, self.WATCHES))
        self.assertEqual(page(m, "wchs")["num_paths"], self.WATCHES)


class Metrics(harness.Case):
    def scrape(self, m):
        status, headers, text = fetch(m, "/metrics", port=m.metrics_port)
        self.assertEqual((status, headers["Content-Type"]), (200, "text/plain; version=0.0.4; charset=utf-8"))
        return text

    def started(self, n):
        ens = pages_ensemble(self, n, "ours", **{"metricsProvider.className": PROMETHEUS})
        for m in ens.members:
            m.metrics_port = ensemble.ports.take()
            with open(m.cfg, "a") as f:
                f.write("metricsProvider.httpPort=%d\n" % m.metrics_port)
        ens.start()
        do_things(self, ens)
        return ens

    def test_what_prometheus_reads(self):
        try:
            from prometheus_client.parser import text_string_to_metric_families
        except ImportError:
            self.skipTest("needs prometheus_client (Debian: python3-prometheus-client)")
        ens = self.started(3)
        for m in (ens.leader(), ens.followers()[0]):
            families = list(text_string_to_metric_families(self.scrape(m)))
            said = figures(m)
            names = [f.name for f in families]
            self.assertEqual(len(names), len(set(names)))
            types = {f.name: f.type for f in families}
            for f in families:
                self.assertIn(f.type, ("gauge", "counter", "summary"), f.name)
                self.assertTrue(f.documentation, f.name)
                self.assertTrue(f.samples, f.name)
                if f.type == "summary":
                    kinds = {s.name[len(f.name):] for s in f.samples}
                    self.assertEqual(kinds, {"", "_count", "_sum"}, f.name)
                    self.assertIn("cnt_" + f.name, said)
                else:
                    self.assertIn(f.name, said)
            self.assertEqual((types["znode_count"], types["bytes_received_count"], types["readlatency"]), ("gauge", "counter", "summary"))
            # Everything that mntr says is there, too.
            rest = {k if k in names else re.sub("^(avg|min|max|cnt|sum|p50|p95|p99|p999)_", "", k) for k in said}
            self.assertEqual(rest - set(names) - {"version", "server_state", "peer_state"}, set())
            # The parser names a counter's sample as newer servers of metrics do.
            value = {re.sub("_total$", "", s.name): s.value for f in families for s in f.samples if not s.labels}
            for name in ("znode_count", "watch_count", "ephemerals_count", "global_sessions", "quorum_size", "response_bytes"):
                self.assertEqual(value[name], float(figures(m)[name]), name)
            self.assertGreater(value["updatelatency_count"], 0)

    def test_counters_only_grow_and_latencies_are_latencies(self):
        m = self.started(1)[1]

        def counters():
            text = self.scrape(m)
            names = re.findall(r"^# TYPE (\w+) counter$", text, re.M)
            return {n: float(re.search(r"^%s (\S+)$" % n, text, re.M).group(1)) for n in names}, text
        before, _ = counters()
        c = self.conn(m.address)
        for k in range(50):
            c.create("/m%d" % k, b"x" * k)
            c.get("/m%d" % k)
        after, text = counters()
        self.assertEqual([n for n in before if after[n] < before[n]], [])
        self.assertGreaterEqual(after["sync_processor_request_queued"] - before["sync_processor_request_queued"], 51)
        self.assertEqual(after["connection_request_count"] - before["connection_request_count"], 1)
        quantiles = [float(v) for v in re.findall(r'^updatelatency\{quantile="[\d.]+"\} (\S+)$', text, re.M)]
        self.assertEqual(len(quantiles), 3)
        self.assertEqual(quantiles, sorted(quantiles))
        self.assertGreater(quantiles[0], 0)
        self.assertGreater(float(re.search(r"^fsynctime_count (\S+)$", text, re.M).group(1)), 0)

    def test_there_is_no_metrics_page_unless_asked_for(self):
        ens = pages_ensemble(self, 1, "ours", **{"metricsProvider.className": "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider"})
        ens.start()
        self.assertNotIn("metrics are at", open(ens[1].log).read())


if __name__ == "__main__":
    harness.main()
