#!/usr/bin/env python3
"""Who clients are and how they prove it: TLS and certificates, SASL DIGEST-MD5, what is enforced, and that no secret shows.

With ENGINE=apache the same tests judge Apache ZooKeeper, but for those of our own messages and exit codes."""
import atexit
import os
import re
import socket
import ssl
import subprocess
import tempfile
import unittest

import certs
import digest_md5
import ensemble
import harness
import kazoo.client
import wire
from ensemble import ENGINE, Ensemble, ports, wait_for
from kazoo.exceptions import AuthFailedError, NoAuthError
from kazoo.security import make_acl
from wire import Closed, Reader, buf, i

REQUIRE_SASL = -124
PROVIDER = "org.apache.zookeeper.server.auth.SASLAuthenticationProvider"
# Whatever of these stands in a log, or in what a four-letter word says, has leaked.
SECRETS = [certs.PASSWORD, "bobsecret", "adminsecret", "supersecret", "digestsecret"]
JAAS = """/* users */
Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_super="adminsecret"
    user_bob="bobsecret"
    user_root="supersecret"; // not the super user by himself
};
Client {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    username="bob"
    password="bobsecret";
};
"""


def need_openssl():
    if not certs.have_openssl():
        raise unittest.SkipTest("the openssl command is not here")


def identities(conn):
    r = Reader(conn.ok(wire.WHO_AM_I).body)
    return sorted((r.str(), r.str()) for _ in range(r.take("i")))


def java_shell(hosts, command, *properties):
    """What Apache's shell prints for one command, as a client with these Java properties."""
    try:
        line = ensemble.java_command("org.apache.zookeeper.ZooKeeperMain", ["-server", hosts] + command, properties)
    except ensemble.NotAvailable as e:
        raise unittest.SkipTest(str(e))
    done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "replace")[-3000:]
    return done.stdout.decode()


def zkcli(hosts, *words, flags=None):
    """What our shell prints for one command: (status, stdout, stderr)."""
    env = dict(os.environ, CLIENT_JVMFLAGS=flags or "")
    done = subprocess.run([ensemble.program("zkcli"), "-server", hosts] + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def auth(conn, scheme, data=b""):
    """The error of an auth packet."""
    return conn.call(wire.AUTH, i(0) + buf(scheme) + buf(data), xid=wire.AUTH_XID).err


class TlsConn(wire.Conn):
    """The same through TLS, with the certificate of this name."""

    def __init__(self, address, name=None, context=None, **kw):
        super().__init__(address, **kw)
        context = context or self.context(name)
        try:
            self.sock = context.wrap_socket(self.sock, server_hostname="localhost")
        except BaseException:
            self.sock.close()
            raise

    @staticmethod
    def context(name=None, **kw):
        context = ssl.create_default_context(cafile=certs.certs()["ca.pem"])
        if name:
            context.load_cert_chain(certs.certs()[name + ".crt"], certs.certs()[name + ".key"])
        return context


class SecurityCase(harness.Case):
    """One server, with what options() says, for all tests of the class. When they are over, nothing it said may hold a secret."""

    @staticmethod
    def options():
        return None

    @classmethod
    def setUpClass(cls):
        options = cls.options()
        if options is None:
            raise unittest.SkipTest("abstract")
        cls.ens = cls.started(options)
        cls.m = cls.ens.members[0]
        cls.secure = ("127.0.0.1", int(options.get("secureClientPort", cls.m.client_port)))

    @staticmethod
    def started(options):
        properties = []
        if "java.security.auth.login.config" in options:
            properties.append("java.security.auth.login.config=" + options["java.security.auth.login.config"])
        if any(k.startswith("ssl.") for k in options):
            options = dict(options, serverCnxnFactory="org.apache.zookeeper.server.NettyServerCnxnFactory")
        return Ensemble(1, options=options, properties=properties).start()

    @classmethod
    def tearDownClass(cls):
        said = "".join(cls.m.word(w) or "" for w in ("conf", "envi", "srvr", "stat", "cons", "mntr", "dump"))
        with open(cls.m.log, errors="replace") as f:
            said += f.read()
        cls.ens.close()
        leaked = [s for s in SECRETS if s in said]
        assert not leaked, "%s shows in the log or in a word's answer" % leaked

    def tls(self, name=None, connect=True, **kw):
        c = TlsConn(self.secure, name, **kw)
        self.addCleanup(c.drop)
        if connect:
            c.connect()
        return c

    def logged(self, pattern):
        with open(self.m.log, errors="replace") as f:
            return re.findall(pattern, f.read())


# -- TLS ---------------------------------------------------------------------------------------------------------------

def tls_options(**more):
    need_openssl()
    c = certs.certs()
    return dict({"secureClientPort": ports.take(), "secureClientPortAddress": "127.0.0.1",
                 "ssl.keyStore.location": c["server.pem"], "ssl.trustStore.location": c["ca.pem"]}, **more)


class TestTls(SecurityCase):
    """Certificates needed, as by default."""

    @staticmethod
    def options():
        root = certs.CLIENTS["root"][1]
        return tls_options(**{"X509AuthenticationProvider.superUser": root, "authProvider.1": PROVIDER})

    def test_a_certificate_is_an_identity(self):
        for name, (_, subject) in certs.CLIENTS.items():
            with self.subTest(name):
                want = [("ip", "127.0.0.1"), ("x509", subject)]
                self.assertEqual([who for who in identities(self.tls(name)) if who[0] != "super"], want)

    def test_the_super_user(self):
        path = self.fresh()
        self.tls("alice").create(path, entries=[(wire.ALL, "x509", certs.CLIENTS["alice"][1])])
        self.assertEqual(self.tls("bob").err(wire.GET, wire.watched(path)), wire.NO_AUTH)
        self.assertEqual(self.tls("root").get(path)[0], b"")

    def test_acls_of_subjects(self):
        alice, bob = self.tls("alice"), self.tls("bob")
        for name, entries in (("auth", [(wire.ALL, "auth", "")]), ("x509", [(wire.ALL, "x509", certs.CLIENTS["alice"][1])])):
            path = self.fresh(name)
            alice.create(path, entries=entries)
            self.assertEqual(Reader(alice.ok(wire.GET_ACL, buf(path)).body).acls(),
                             [(wire.ALL, "x509", certs.CLIENTS["alice"][1])])
            self.assertEqual(bob.err(wire.SET, wire.set_data(path, b"x")), wire.NO_AUTH)
            alice.set(path, b"x")

    def test_which_subjects_are_names(self):
        c = self.tls("alice")
        for name in ("", "CN=a", "cn = a , ou=b", "CN=a;O=b", "CN=\"a,b\"", "1.2.3=x", "CN=#0403616263", "EMAILADDRESS=a@b", "CN="):
            c.create(self.fresh(), entries=[(wire.READ, "x509", name)])
        for name in ("a", "CN", "CN=a,", "XX=a", "CN=\"a", "CN=a\\x", "CN=#0411", "CN=a<b", "3.1=x"):
            self.assertEqual(c.err(wire.CREATE, wire.create(self.fresh(), entries=[(wire.READ, "x509", name)])),
                             wire.INVALID_ACL, name)

    def test_auth_packets(self):
        c = self.tls("alice")
        self.assertEqual(auth(c, "x509"), 0)
        self.assertEqual(auth(c, "ip"), 0)
        self.assertEqual(auth(c, "digest", b"u:digestsecret"), 0)
        self.assertEqual(len(identities(c)), 3)
        for scheme in ("sasl", "auth", "world", "super", "nonsense", ""):
            c = self.tls("alice")
            self.assertEqual(auth(c, scheme, b"x"), wire.AUTH_FAILED, scheme)
            c.expect_close()

    def test_without_a_certificate_x509_proves_nothing(self):
        c = self.conn(self.m.address)
        self.assertEqual(identities(c), [("ip", "127.0.0.1")])
        self.assertEqual(auth(c, "x509"), wire.AUTH_FAILED)
        c.expect_close()

    def refused(self, name, context=None):
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.tls(name, context=context)

    def test_who_is_turned_away(self):
        self.refused(None)
        self.refused("stranger")
        old = TlsConn.context("alice")
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_3
        self.refused("alice", old)
        self.tls("alice").get("/")

    def test_version(self):
        self.assertEqual(self.tls("alice").sock.version(), "TLSv1.2")

    def test_words(self):
        for word, start in (("ruok", b"imok"), ("srvr", b"Zookeeper version: "), ("mntr", b"zk_version\t")):
            c = self.tls("alice", connect=False)
            c.send_raw(word.encode())
            said = b""
            while True:
                piece = c.sock.recv(65536)
                if not piece:
                    break
                said += piece
            self.assertTrue(said.startswith(start), said[:40])
        self.assertIn("secureClientPort=%d\n" % self.secure[1], self.m.word("conf"))

    def test_a_session_moves_between_the_ports(self):
        plain = self.conn(self.m.address)
        session = plain.session
        plain.create("/moving%d" % self.secure[1], flags=wire.EPHEMERAL)
        c = self.tls("alice", connect=False)
        self.assertEqual(c.resume(session).id, session.id)
        self.assertEqual(c.exists("/moving%d" % self.secure[1]).ephemeral_owner, session.id)
        c.close_session()

    def test_large_and_many(self):
        c = self.tls("alice")
        path, data = self.fresh(), os.urandom(1000 * 1000)
        c.create(path, data)
        for _ in range(5):
            c.send(wire.GET, wire.watched(path))
        for _ in range(5):
            self.assertEqual(Reader(c.reply().body).buf(), data)
        c.sock.settimeout(60)
        for _ in range(3000):
            c.send(wire.EXISTS, wire.watched(path))
        for _ in range(3000):
            self.assertEqual(c.reply().err, 0)

    def test_a_slow_reader(self):
        c = self.tls("alice")
        path, data = self.fresh(), os.urandom(900 * 1000)
        c.create(path, data)
        xids = [c.send(wire.GET, wire.watched(path)) for _ in range(30)]
        with harness.Undisturbed(self.m.address, self.fresh()):
            for xid in xids:
                reply = c.reply()
                self.assertEqual((reply.xid, reply.err), (xid, 0))
                self.assertEqual(Reader(reply.body).buf(), data)

    def test_bytes_one_by_one(self):
        c = self.tls("alice", connect=False)
        for byte in i(45) + i(0) + wire.q(0) + i(10000) + wire.q(0) + buf(bytes(16)) + b"\0":
            c.send_raw(bytes([byte]))
        self.assertNotEqual(c.read_session().id, 0)
        c.ping()

    def test_plain_bytes_on_the_tls_port(self):
        for sent in (b"ruok", wire.i(45) + bytes(45), b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello"):
            with socket.create_connection(self.secure, timeout=15) as s:
                s.sendall(sent + bytes(20))
                while s.recv(4096):  # an alert may come before the end; what came is no frame and no word's answer
                    pass
        self.tls("alice").get("/")
        if ENGINE == "ours":
            wait_for("a line of it in the log", lambda: self.logged("TLS handshake from 127.0.0.1:[0-9]+: [a-z ]+; closing it"))

    def test_tls_on_the_plain_port(self):
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            TlsConn(self.m.address, "alice", timeout=15)
        self.conn(self.m.address).get("/")
        if ENGINE == "ours":
            wait_for("a line of it in the log", lambda: self.logged("begins with TLS on the plain client port"))

    def test_who_leaves_in_the_midst(self):
        hello = socket.create_connection(self.secure, timeout=15)
        hello.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        hello.close()
        c = self.tls("alice")
        c.sock.unwrap().close()
        c = self.tls("alice")
        c.send_raw(b"\0\0")
        c.drop()
        self.tls("alice").get("/")

    def test_kazoo(self):
        c = certs.certs()
        zk = self.kazoo("127.0.0.1:%d" % self.secure[1], use_ssl=True, ca=c["ca.pem"], certfile=c["alice.crt"],
                        keyfile=c["alice.key"], verify_certs=True)
        path, seen = self.fresh(), harness.Watched()
        zk.create(path, b"1", acl=[make_acl("x509", certs.CLIENTS["alice"][1], all=True)])
        zk.get(path, watch=seen)
        zk.set(path, b"2")
        seen.wait()
        self.assertEqual(zk.get(path)[0], b"2")
        zk.create(path + "/e", ephemeral=True)
        self.assertEqual(zk.get_children(path), ["e"])


    def test_apaches_java_client(self):
        c = certs.certs()
        said = java_shell("127.0.0.1:%d" % self.secure[1], ["whoami"], "zookeeper.client.secure=true",
                          "zookeeper.clientCnxnSocket=org.apache.zookeeper.ClientCnxnSocketNetty",
                          "zookeeper.ssl.keyStore.location=" + c["alice.pem"],
                          "zookeeper.ssl.trustStore.location=" + c["ca.pem"])
        self.assertIn("x509: " + certs.CLIENTS["alice"][1], said)


    def test_our_shell(self):
        c, hosts, alice = certs.certs(), "127.0.0.1:%d" % self.secure[1], "x509: " + certs.CLIENTS["alice"][1]
        for words in (["--tls-cert", c["alice.pem"]], ["--tls-cert", c["alice.crt"], "--tls-key", c["alice.key"]],
                      ["-Dzookeeper.client.secure=true", "-Dzookeeper.ssl.keyStore.location=" + c["alice.p12"],
                       "-Dzookeeper.ssl.keyStore.passwordPath=" + c["password"]]):
            status, out, err = zkcli(hosts, "--tls-ca", c["ca.pem"], *words, "whoami")
            self.assertEqual(status, 0, err)
            self.assertIn(alice, out)
        flags = "-Dzookeeper.client.secure=true -Dzookeeper.ssl.keyStore.location=%s -Dzookeeper.ssl.trustStore.location=%s" \
            % (c["alice.pem"], c["ca.pem"])
        self.assertIn(alice, zkcli(hosts, "whoami", flags=flags)[1])
        conf = c.write("client.conf", flags.replace("-D", "").replace(" ", "\n") + "\n")
        self.assertIn(alice, zkcli(hosts, "-client-configuration", conf, "whoami")[1])

    def test_our_shell_is_turned_away(self):
        c, hosts = certs.certs(), "127.0.0.1:%d" % self.secure[1]
        mine = ["--tls-cert", c["alice.pem"]]
        for where, words, why in (
                (hosts, ["--tls-ca", c["ca.pem"]], "alert"),
                (hosts, ["--tls-ca", c["otherca.pem"]] + mine, "the certificate is not accepted"),
                (self.m.hosts, ["--tls-ca", c["ca.pem"]] + mine, "TLS"),
                (hosts, ["--tls-ca", "/nowhere"] + mine, "ssl.trustStore.location: /nowhere: cannot be read"),
                (hosts, ["--tls-ca", c["ca.pem"], "--tls-cert", c["alice.crt"]], "no private key")):
            status, out, err = zkcli(where, *words, "ls", "/")
            self.assertNotEqual(status, 0)
            self.assertEqual(out, "")
            self.assertIn(why, err)


class TestTlsWanted(SecurityCase):
    """Certificates wanted, PKCS #12 stores, their password in a file, both versions of TLS."""

    @staticmethod
    def options():
        need_openssl()
        c = certs.certs()
        return tls_options(**{
            "ssl.clientAuth": "WANT", "ssl.keyStore.location": c["server.p12"], "ssl.keyStore.passwordPath": c["password"],
            "ssl.trustStore.location": c["ca.p12"], "ssl.trustStore.password": certs.PASSWORD,
            "ssl.protocol": "TLSv1.3", "ssl.enabledProtocols": "TLSv1.2,TLSv1.3",
            "ssl.ciphersuites": "TLS_AES_256_GCM_SHA384,TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"})

    def test_with_and_without(self):
        self.assertEqual(identities(self.tls()), [("ip", "127.0.0.1")])
        self.assertEqual(len(identities(self.tls("alice"))), 2)

    def test_a_wrong_one_is_not_as_good_as_none(self):
        with self.assertRaises((ssl.SSLError, ConnectionError, Closed)):
            self.tls("stranger")

    def test_versions_and_suites(self):
        self.assertEqual(self.tls("alice").sock.cipher()[:2], ("TLS_AES_256_GCM_SHA384", "TLSv1.3"))
        old = TlsConn.context("alice")
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        self.assertEqual(self.tls(context=old).sock.cipher()[:2], ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2"))

    def test_a_resumed_handshake_keeps_the_identity(self):
        context = TlsConn.context("alice")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        first = self.tls(context=context)
        again = socket.create_connection(self.secure, timeout=15)
        again = context.wrap_socket(again, server_hostname="localhost", session=first.sock.session)
        c = wire.Conn.__new__(wire.Conn)
        c.sock, c.pending, c.events, c.xid, c.session = again, b"", [], 0, None
        self.addCleanup(c.drop)
        c.connect()
        self.assertEqual(identities(c), identities(first))


class TestTlsUnwanted(SecurityCase):
    """No certificates asked for, so no trust store; an encrypted key; both kinds of clients on one port."""

    @staticmethod
    def options():
        options = tls_options(**{"ssl.clientAuth": "none", "client.portUnification": "true",
                                 "ssl.keyStore.location": certs.certs()["server-locked.pem"],
                                 "ssl.keyStore.password": certs.PASSWORD})
        del options["ssl.trustStore.location"]
        return options

    def test_nobody_is_known(self):
        self.assertEqual(identities(self.tls()), [("ip", "127.0.0.1")])
        c = self.tls("alice")
        self.assertEqual(identities(c), [("ip", "127.0.0.1")])
        self.assertEqual(auth(c, "x509"), wire.AUTH_FAILED)
        c.expect_close()

    def test_both_on_one_port(self):
        plain, c = self.conn(self.m.address), TlsConn(self.m.address)
        self.addCleanup(c.drop)
        c.connect()
        path = self.fresh()
        plain.create(path, b"1")
        self.assertEqual(c.get(path)[0], b"1")
        self.assertEqual(self.m.word("ruok"), "imok")
        late = self.conn(self.m.address, connect=False)  # its first byte comes alone
        late.send_raw(b"\0")
        c.ping()
        late.send_raw(b"\0\0\x2d" + i(0) + wire.q(0) + i(10000) + wire.q(0) + buf(bytes(16)) + b"\0")
        late.read_session()


class TestTlsHandshakes(SecurityCase):
    """No more than one at once."""

    @staticmethod
    def options():
        if ENGINE != "ours":
            raise unittest.SkipTest("3.8.0 says that it has the limit, and takes who comes all the same")
        return tls_options(**{"netty.server.outstandingHandshake.limit": "1"})

    def metric(self, name):
        return int(re.search(r"zk_%s\t(\d+)" % name, self.m.word("mntr")).group(1))

    def closed(self):
        try:
            self.tls("alice", connect=False).drop()
            return False
        except OSError:
            return True

    def test_one_more_is_closed(self):
        slow = wire.Conn(self.secure)  # says nothing
        self.addCleanup(slow.drop)
        wait_for("one more to be closed", self.closed)
        self.assertGreater(self.metric("tls_handshake_exceeded"), 0)
        self.assertEqual(self.metric("outstanding_tls_handshake"), 1)
        slow.drop()
        wait_for("it to be over", lambda: not self.closed())
        self.assertIsNotNone(self.tls("alice").exists("/"))


class TestBroken(harness.Case):
    """Servers that cannot start say which file, what, and what to do, and end with the documented code."""

    EXIT_USAGE, EXIT_SECURITY = 2, 18

    def setUp(self):
        if ENGINE != "ours":
            self.skipTest("messages and codes of our own")
        need_openssl()
        self.c = certs.certs()

    def refuses(self, options, status, *words):
        ens = Ensemble(1, options=options)
        self.addCleanup(ens.close)
        m = ens.members[0]
        done = subprocess.run(ensemble.server_command(m.cfg, "ours"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=30)
        said = done.stdout.decode()
        self.assertEqual(done.returncode, status, said)
        self.assertEqual(len(said.splitlines()), 1, said)
        for word in words:
            self.assertIn(word, said)
        for secret in SECRETS + ["wrongsecret"]:
            self.assertNotIn(secret, said)

    def test_stores(self):
        c, code = self.c, self.EXIT_SECURITY
        empty = c.write("empty.pem", "")
        noise = c.write("noise.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
        text = c.write("text", "hello")
        jks = c["ca.jks"]
        for store in ("ssl.keyStore", "ssl.trustStore"):
            where = store + ".location"
            self.refuses(tls_options(**{where: None}), code, where, "missing", "PEM or PKCS12")
            self.refuses(tls_options(**{where: "/nowhere.pem"}), code, where, "/nowhere.pem", "No such file", "name an existing")
            self.refuses(tls_options(**{where: empty}), code, where, empty, "empty")
            self.refuses(tls_options(**{where: noise}), code, where, noise, "malformed")
            self.refuses(tls_options(**{where: text}), code, where, text, "neither PEM nor PKCS12")
            self.refuses(tls_options(**{where: c["server.p12"], store + ".password": "wrongsecret"}), code, where,
                         "password is wrong", store + ".password")
            self.refuses(tls_options(**{where: c["server.p12"], store + ".passwordPath": "/nowhere"}), code,
                         store + ".passwordPath", "/nowhere")
            if os.path.exists(jks):
                self.refuses(tls_options(**{where: jks}), code, where, jks, "keytool -importkeystore", "PKCS12")
        where = "ssl.keyStore.location"
        self.refuses(tls_options(**{where: c["server.crt"]}), code, where, "no private key")
        self.refuses(tls_options(**{where: c["server.key"]}), code, where, "no certificate")
        both = c.write("both.pem", c.read("server.key") + c.read("alice.crt"))
        self.refuses(tls_options(**{where: both}), code, where, "not for its private key")
        locked = c["server-locked.pem"]
        self.refuses(tls_options(**{where: locked}), code, where, locked, "encrypted", "ssl.keyStore.password")
        self.refuses(tls_options(**{where: locked, "ssl.keyStore.password": "wrongsecret"}), code, locked, "ssl.keyStore.password")
        self.refuses(tls_options(**{"ssl.trustStore.location": c["server.key"]}), code, "ssl.trustStore", "no certificate")

    def test_settings(self):
        code = self.EXIT_SECURITY
        self.refuses(tls_options(**{"ssl.enabledProtocols": "TLSv1.2,SSLv3"}), code, "ssl.enabledProtocols", "SSLv3")
        self.refuses(tls_options(**{"ssl.ciphersuites": "TLS_NONE"}), code, "ssl.ciphersuites", "TLS_NONE")
        code = self.EXIT_USAGE
        self.refuses(tls_options(**{"ssl.protocol": "SSLv3"}), code, "ssl.protocol", "TLSv1.2")
        self.refuses(tls_options(**{"ssl.clientAuth": "maybe"}), code, "ssl.clientAuth", "need|want|none")
        self.refuses(tls_options(**{"ssl.ocsp": "true"}), code, "ssl.ocsp", "not supported")
        self.refuses({"sslQuorum": "true"}, code, "sslQuorum", "not supported")
        self.refuses({"quorum.auth.enableSasl": "true"}, code, "quorum.auth.enableSasl", "not supported")
        self.refuses({"secureClientPortAddress": "127.0.0.1"}, code, "secureClientPortAddress", "secureClientPort")
        self.refuses({"enforce.auth.enabled": "true"}, code, "enforce.auth.schemes", "missing")
        self.refuses({"enforce.auth.enabled": "true", "enforce.auth.schemes": "sasl"}, code, "authProvider.1")
        self.refuses({"enforce.auth.enabled": "true", "enforce.auth.schemes": "ip,magic"}, code, "magic")
        self.refuses({"sessionRequireClientSASLAuth": "true"}, code, "sessionRequireClientSASLAuth", "authProvider.1")

    def test_jaas(self):
        code, key = self.EXIT_SECURITY, "java.security.auth.login.config"
        self.refuses({key: "/nowhere"}, code, "/nowhere", "No such file")
        bad = self.c.write("bad.conf", "Server {\n x.DigestLoginModule required\n user_bob=\"bobsecret;\n};\n")
        self.refuses({key: bad}, code, bad + ":3:", "quoted")
        krb = self.c.write("krb.conf", "Server { com.sun.security.auth.module.Krb5LoginModule required; };")
        self.refuses({key: krb}, code, krb, "DigestLoginModule")


# -- SASL --------------------------------------------------------------------------------------------------------------

def jaas_file(suffix="", text=JAAS):
    path = os.path.join(tempfile.gettempdir(), "pseudo-cluster-jaas-%d.conf%s" % (os.getpid(), suffix))
    if not os.path.exists(path):
        with open(path, "w") as f:
            f.write(text)
        atexit.register(os.remove, path)
    return path


def have_sasl():
    """Whether our server was built with it."""
    if ENGINE == "apache":
        return True
    try:
        config = os.path.join(ensemble.builddir(), "config.h")
        with open(config) as f:
            return "#define HAVE_GSASL 1" in f.read()
    except OSError:
        return True


def sasl_options(**more):
    if not have_sasl():
        raise unittest.SkipTest("built without GNU SASL")
    return dict({"java.security.auth.login.config": jaas_file(), "authProvider.1": PROVIDER}, **more)


class SaslCase(SecurityCase):
    def token(self, c, data):
        """A token's reply: (err, token)."""
        xid = c.send(wire.SASL, buf(data))
        reply = c.reply()
        self.assertEqual((reply.xid, reply.zxid), (xid, 0))
        r = Reader(reply.body)
        answer = r.buf()
        r.done()
        return reply.err, answer

    def challenge(self, c):
        err, token = self.token(c, b"")
        self.assertEqual(err, 0)
        return token

    def prove(self, c, user, password, **change):
        token, rspauth = digest_md5.answer(self.challenge(c), user, password, **change)
        err, answer = self.token(c, token)
        if err == 0 and answer is not None:
            self.assertEqual(answer, rspauth)
        return err, answer

    def proven(self, user, password, **change):
        c = self.conn(self.m.address)
        err, answer = self.prove(c, user, password, **change)
        self.assertEqual(err, 0)
        self.assertIsNotNone(answer)
        return c

    def fails(self, user, password, **change):
        with self.subTest(user=user, **change):
            c = self.conn(self.m.address)
            self.assertEqual(self.prove(c, user, password, **change), (wire.AUTH_FAILED, None))
            c.expect_close()


class TestSasl(SaslCase):
    @staticmethod
    def options():
        return sasl_options(**{"superUser.1": "root"})

    def test_the_challenge(self):
        token = self.challenge(self.conn(self.m.address))
        self.assertRegex(token, b'^realm="zk-sasl-md5",nonce="[A-Za-z0-9+/]+=*",charset=utf-8,algorithm=md5-sess$')
        self.assertNotEqual(token, self.challenge(self.conn(self.m.address)))

    def test_who_proves_it_is_it(self):
        self.assertEqual(identities(self.proven("bob", "bobsecret")), [("ip", "127.0.0.1"), ("sasl", "bob")])
        self.assertEqual(identities(self.proven("bob", "bobsecret", charset=None)), [("ip", "127.0.0.1"), ("sasl", "bob")])
        self.assertEqual(identities(self.proven("bob", "bobsecret", authzid="root")), [("ip", "127.0.0.1"), ("sasl", "bob")])
        self.assertIn(("sasl", "root"), identities(self.proven("root", "supersecret")))

    def test_who_does_not_is_told_and_closed(self):
        self.fails("bob", "wrong")
        self.fails("nobody", "nobodysecret")
        if ENGINE == "ours":  # Apache ZooKeeper 3.8.0 takes the password of who was asked for last
            self.fails("nobody", "bobsecret")
            self.fails("", "bobsecret")
        self.fails("bob", "bobsecret", response="0" * 32)
        self.fails("bob", "bobsecret", response="0" * 31)
        self.fails("bob", "bobsecret", realm="elsewhere")
        self.fails("bob", "bobsecret", realm=None)
        self.fails("bob", "bobsecret", realm=None, charset=None)
        self.fails("bob", "bobsecret", charset="iso-8859-1")
        self.fails("bob", "bobsecret", nonce="bm9uY2U=")
        self.fails("bob", "bobsecret", nc="00000002")
        self.fails("bob", "bobsecret", digest_uri="zookeeper/elsewhere")
        self.fails("bob", "bobsecret", digest_uri="imap/zk-sasl-md5")
        self.fails("bob", "bobsecret", digest_uri=None)
        self.fails("bob", "bobsecret", qop="auth-conf")
        self.fails("bob", "bobsecret", username=None)
        self.fails("bob", "bobsecret", cnonce=None)

    def test_tokens_out_of_turn(self):
        c = self.conn(self.m.address)
        err, token = self.token(c, b"hello")  # whatever comes first asks for the challenge
        self.assertEqual((err, token[:6]), (0, b"realm="))
        c = self.conn(self.m.address)
        self.challenge(c)
        self.assertEqual(self.token(c, b""), (wire.AUTH_FAILED, None))
        c.expect_close()
        c = self.proven("bob", "bobsecret")
        self.assertEqual(self.token(c, b""), (wire.AUTH_FAILED, None))
        c.expect_close()
        for noise in (b"\xff" * 50, b"=,=,=", b'username="bob', b"a" * 10000, b"\0"):
            c = self.conn(self.m.address)
            self.challenge(c)
            self.assertEqual(self.token(c, noise), (wire.AUTH_FAILED, None))
            c.expect_close()

    def test_a_null_token(self):
        c = self.conn(self.m.address)
        c.send(wire.SASL, buf(None))
        c.expect_close()

    def test_an_old_proof_proves_nothing(self):
        first = self.conn(self.m.address)
        token, _ = digest_md5.answer(self.challenge(first), "bob", "bobsecret")
        self.assertEqual(self.token(first, token)[0], 0)
        again = self.conn(self.m.address)
        self.challenge(again)
        self.assertEqual(self.token(again, token), (wire.AUTH_FAILED, None))

    def test_other_requests_may_come_between(self):
        c = self.conn(self.m.address)
        path = self.fresh()
        challenge = self.challenge(c)
        c.create(path)
        token, _ = digest_md5.answer(challenge, "bob", "bobsecret")
        xids = [c.send(wire.EXISTS, wire.watched(path)), c.send(wire.SASL, buf(token)),
                c.send(wire.CREATE, wire.create(path + "/a", entries=[(wire.ALL, "auth", "")]))]
        self.assertEqual(sorted(c.reply()[::2] for _ in xids), [(x, 0) for x in xids])  # a token's may come ahead
        self.assertEqual(Reader(c.ok(wire.GET_ACL, buf(path + "/a")).body).acls(), [(wire.ALL, "sasl", "bob")])

    def test_acls(self):
        bob, other, anyone = self.proven("bob", "bobsecret"), self.proven("super", "adminsecret"), self.conn(self.m.address)
        path = self.fresh()
        bob.create(path, entries=[(wire.ALL, "sasl", "bob")])
        self.assertEqual(anyone.err(wire.GET, wire.watched(path)), wire.NO_AUTH)
        self.assertEqual(other.get(path)[0], b"")  # the SASL user super matches every sasl entry
        root = self.proven("root", "supersecret")
        closed = self.fresh()
        bob.create(closed, entries=[(wire.ALL, "digest", "x:y")])
        self.assertEqual(other.err(wire.GET, wire.watched(closed)), wire.NO_AUTH)
        self.assertEqual(root.get(closed)[0], b"")  # the super user anything
        for name, err in (("bob", 0), ("bob@R", 0), ("zk/host@R", 0), ("", 0), ("a@b@c", wire.INVALID_ACL),
                          ("a/b/c@R", wire.INVALID_ACL)):
            self.assertEqual(bob.err(wire.CREATE, wire.create(self.fresh(), entries=[(wire.READ, "sasl", name)])), err, name)

    def test_auth_packets(self):
        c = self.conn(self.m.address)
        self.assertEqual(auth(c, "ip", b"9.9.9.9"), 0)
        self.assertEqual(auth(c, "sasl", b"bob:bobsecret"), wire.AUTH_FAILED)
        c.expect_close()
        c = self.conn(self.m.address)
        self.assertEqual(c.err(wire.CREATE, wire.create(self.fresh(), entries=[(wire.READ, "x509", "CN=a")])), wire.INVALID_ACL)
        self.assertEqual(auth(c, "x509"), wire.AUTH_FAILED)
        c.expect_close()

    def test_kazoo(self):
        options = {"mechanism": "DIGEST-MD5", "username": "bob", "password": "bobsecret"}
        try:
            zk = self.kazoo(self.m.hosts, sasl_options=options)
        except Exception as e:
            if "puresasl" in str(e):
                self.skipTest("kazoo needs pure-sasl for this (Debian: python3-pure-sasl)")
            raise
        path = self.fresh()
        zk.create(path, b"1", acl=[make_acl("sasl", "bob", all=True)])
        self.assertEqual(zk.get(path)[0], b"1")
        with self.assertRaises(NoAuthError):
            self.kazoo(self.m.hosts).get(path)
        wrong = kazoo.client.KazooClient(self.m.hosts, sasl_options=dict(options, password="wrong"),
                                         connection_retry=dict(max_tries=1))
        self.addCleanup(harness.end_kazoo, wrong)
        wrong.start(timeout=10)
        with self.assertRaises(AuthFailedError):
            wrong.get("/")


    def test_our_shell(self):
        status, out, err = zkcli(self.m.hosts, "-Djava.security.auth.login.config=" + jaas_file(), "whoami")
        self.assertEqual(status, 0, err)
        self.assertIn("sasl: bob", out)
        wrong = jaas_file(".wrong", JAAS.replace("bobsecret", "wrongsecret"))
        status, out, err = zkcli(self.m.hosts, "whoami", flags="-Djava.security.auth.login.config=" + wrong)
        self.assertNotEqual(status, 0)
        self.assertIn("AuthFailed", err)
        self.assertNotIn("wrongsecret", err)

    def test_apaches_java_client(self):
        said = java_shell(self.m.hosts, ["whoami"], "java.security.auth.login.config=" + jaas_file())
        self.assertIn("sasl: bob", said)


class TestSaslFailedMayStay(SaslCase):
    @staticmethod
    def options():
        return sasl_options(**{"allowSaslFailedClients": "true", "SASLAuthenticationProvider.superPassword": "digestsecret",
                               "letAnySaslUserDoX": "anyone"})

    def test_they_stay_unproven(self):
        c = self.conn(self.m.address)
        self.assertEqual(self.prove(c, "bob", "wrong"), (0, None))
        self.assertEqual(identities(c), [("ip", "127.0.0.1")])
        self.assertEqual(self.token(c, b""), (0, None))  # there is no second chance
        c.get("/")

    def test_the_other_password_of_super(self):
        c = self.conn(self.m.address)
        self.assertEqual(self.prove(c, "super", "adminsecret"), (0, None))
        self.assertIn(("sasl", "super"), identities(self.proven("super", "digestsecret")))

    def test_what_every_sasl_user_may(self):
        path = self.fresh()
        self.conn(self.m.address).create(path, entries=[(wire.READ, "sasl", "anyone")])
        self.assertEqual(self.proven("bob", "bobsecret").get(path)[0], b"")
        self.assertEqual(self.conn(self.m.address).err(wire.GET, wire.watched(path)), wire.NO_AUTH)


class Enforced(SaslCase):
    def closed(self, op, body=b"", xid=None):
        c = self.conn(self.m.address)
        xid = c.send(op, body, xid)
        reply = c.reply()
        self.assertEqual((reply.xid, reply.zxid, reply.err, reply.body), (xid, 0, REQUIRE_SASL, b""))
        c.expect_close()


class TestSaslRequired(Enforced):
    @staticmethod
    def options():
        return sasl_options(**{"sessionRequireClientSASLAuth": "true", "allowSaslFailedClients": "true"})

    def test_nothing_without_it(self):
        self.closed(wire.GET, wire.watched("/"))
        self.closed(wire.CREATE, wire.create("/never"))
        self.closed(wire.PING, xid=wire.PING_XID)
        self.closed(wire.CLOSE)
        self.closed(77)

    def test_digest_is_not_enough(self):
        c = self.conn(self.m.address)
        self.assertEqual(auth(c, "digest", b"u:digestsecret"), 0)
        self.assertEqual(c.err(wire.GET, wire.watched("/")), REQUIRE_SASL)

    def test_with_it_all(self):
        c = self.proven("bob", "bobsecret")
        c.get("/")
        c.close_session()

    def test_who_fails_is_told_so(self):
        c = self.conn(self.m.address)
        self.assertEqual(self.prove(c, "bob", "wrong"), (REQUIRE_SASL, None))
        c.expect_close()


class TestEnforced(Enforced):
    @staticmethod
    def options():
        return sasl_options(**{"enforce.auth.enabled": "true", "enforce.auth.schemes": "digest, sasl"})

    def test_one_of_them_is_enough(self):
        self.closed(wire.EXISTS, wire.watched("/"))
        self.proven("bob", "bobsecret").get("/")
        c = self.conn(self.m.address)
        self.assertEqual(auth(c, "digest", b"u:digestsecret"), 0)
        c.get("/")


class TestWithout(SaslCase):
    """A server that knows nothing of it all."""

    @staticmethod
    def options():
        return {}

    def test_tokens_are_answered_with_none(self):
        c = self.conn(self.m.address)
        self.assertEqual(self.token(c, b""), (0, None))
        self.assertEqual(self.token(c, b"hello"), (0, None))
        c.get("/")

    def test_schemes_are_unknown(self):
        for scheme, name in (("sasl", "bob"), ("x509", "CN=a")):
            c = self.conn(self.m.address)
            self.assertEqual(c.err(wire.CREATE, wire.create(self.fresh(), entries=[(wire.READ, scheme, name)])),
                             wire.INVALID_ACL)
            self.assertEqual(auth(c, scheme, b"x"), wire.AUTH_FAILED)
            c.expect_close()


if __name__ == "__main__":
    harness.main()
