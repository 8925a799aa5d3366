"""A client's side of SASL DIGEST-MD5 (RFC 2831) that can also do it wrong."""
import hashlib
import re


def md5(data):
    return hashlib.md5(data).digest()


def directives(token):
    return {k: v.strip('"') for k, v in re.findall(r'([a-z-]+)=("[^"]*"|[^,]*)', token.decode())}


def answer(challenge, user, password, **change):
    """The response token to a server's challenge. change: directives to say otherwise ('digest_uri' for digest-uri; None to leave
    one out); the proof is right for what is said. Returns (token, the rspauth that the server must give)."""
    said = directives(challenge)
    d = {"charset": "utf-8", "username": user, "realm": said.get("realm", ""), "nonce": said["nonce"], "nc": "00000001",
         "cnonce": "Y25vbmNl", "digest-uri": "zookeeper/zk-sasl-md5", "qop": "auth"}
    d.update({k.replace("_", "-"): v for k, v in change.items()})

    def text(key):
        return (d[key] or "").encode()

    a1 = md5(b":".join((text("username"), text("realm"), password.encode()))) + b":" + text("nonce") + b":" + text("cnonce")
    if d.get("authzid"):
        a1 += b":" + text("authzid")

    def proof(method):
        a2 = hashlib.md5(method + b":" + text("digest-uri")).hexdigest().encode()
        ha1 = hashlib.md5(a1).hexdigest().encode()
        return hashlib.md5(b":".join((ha1, text("nonce"), text("nc"), text("cnonce"), text("qop"), a2))).hexdigest()

    d.setdefault("response", proof(b"AUTHENTICATE"))
    bare = ("charset", "nc", "qop", "response")
    token = ",".join("%s=%s" % (k, v if k in bare else '"%s"' % v) for k, v in d.items() if v is not None)
    return token.encode(), b"rspauth=" + proof(b"").encode()
