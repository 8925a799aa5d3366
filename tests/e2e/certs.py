"""Certificates for the tests: an authority, a server, clients with telling names, and one of another authority; made with the
openssl command, once for each run, in a folder that goes with it."""
import atexit
import functools
import os
import shutil
import subprocess
import tempfile

PASSWORD = "storesecret"  # of every PKCS #12 store and of server-locked.pem

# What openssl is told, and the client's id as Java's X500Principal.getName() gives it.
CLIENTS = {
    "alice": ("/C=US/O=Example, Inc/OU=ops+CN=alice", "OU=ops+CN=alice,O=Example\\, Inc,C=US"),
    "bob": ("/DC=org/DC=example/UID=b1/CN=bob", "CN=bob,UID=b1,DC=example,DC=org"),
    "mail": ("/CN=mail/emailAddress=m@example.org/serialNumber=7",
             "2.5.4.5=#130137,1.2.840.113549.1.9.1=#160d6d406578616d706c652e6f7267,CN=mail"),
    "odd": ("/L=Z\u00fcrich/CN= #a\\=b <c>;\"d\\\\e\" ", "CN=\\ \\#a\\=b \\<c\\>\\;\\\"d\\\\e\\\"\\ ,L=Z\u00fcrich"),
    "root": ("/O=Example/CN=root", "CN=root,O=Example"),
}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, "%s: %s" % (" ".join(command), done.stdout.decode("utf-8", "replace"))


def openssl(*args):
    run("openssl", *args)


def have_openssl():
    return shutil.which("openssl") is not None


class Certs:
    """Files in a folder: ca.pem; NAME.crt, NAME.key, NAME.pem (both), NAME.p12 for server, stranger and each of CLIENTS."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="pseudo-cluster-certs-")
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        self.authority("ca")
        self.authority("otherca")
        self.issue("server", "/CN=localhost", "ca", "subjectAltName=DNS:localhost,IP:127.0.0.1")
        for name, (subject, _) in CLIENTS.items():
            self.issue(name, subject, "ca")
        self.issue("stranger", "/CN=stranger", "otherca")
        if shutil.which("keytool"):  # Java trusts only what its own attribute says so of
            run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", self["ca.pem"], "-storetype", "PKCS12",
                "-keystore", self["ca.p12"], "-storepass", PASSWORD)
            run("keytool", "-importcert", "-noprompt", "-alias", "ca", "-file", self["ca.pem"], "-storetype", "JKS",
                "-keystore", self["ca.jks"], "-storepass", PASSWORD)
        else:
            openssl("pkcs12", "-export", "-nokeys", "-in", self["ca.pem"], "-out", self["ca.p12"],
                    "-passout", "pass:" + PASSWORD)
        openssl("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES", "-in", self["server.key"], "-out", self["locked.key"], "-passout", "pass:" + PASSWORD)
        self.write("server-locked.pem", self.read("locked.key") + self.read("server.crt"))
        self.write("password", PASSWORD + "\n")

    def __getitem__(self, name):
        return os.path.join(self.folder, name)

    def read(self, name):
        with open(self[name]) as f:
            return f.read()

    def write(self, name, text):
        with open(self[name], "w") as f:
            f.write(text)
        return self[name]

    def authority(self, name):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=" + name,
                "-keyout", self[name + ".key"], "-out", self[name + ".pem"])

    def issue(self, name, subject, ca, extension=None):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-utf8", "-subj", subject, "-multivalue-rdn",
                "-keyout", self[name + ".key"], "-out", self[name + ".csr"])
        args = ["x509", "-req", "-in", self[name + ".csr"], "-CA", self[ca + ".pem"], "-CAkey", self[ca + ".key"],
                "-CAcreateserial", "-days", "30", "-out", self[name + ".crt"]]
        if extension:
            args += ["-extfile", self.write(name + ".ext", extension + "\n")]
        openssl(*args)
        self.write(name + ".pem", self.read(name + ".key") + self.read(name + ".crt"))
        openssl("pkcs12", "-export", "-in", self[name + ".crt"], "-inkey", self[name + ".key"], "-certfile", self[ca + ".pem"],
                "-name", name, "-out", self[name + ".p12"], "-passout", "pass:" + PASSWORD)


@functools.lru_cache(None)
def certs():
    return Certs()
