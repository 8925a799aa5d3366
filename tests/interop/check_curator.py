#!/usr/bin/env python3
"""Apache Curator's framework and recipes (CuratorFlows.java), on an ensemble of three. ENGINE=apache judges the flows themselves."""
import glob
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "e2e"))

import ensemble  # noqa: E402

JARS = ensemble.JARS + ("curator-client", "curator-framework", "curator-recipes", "guava")


def lacking():
    """What is missing here, for people; None when it can run."""
    names = [n for n in JARS if not os.path.exists(jar(n))]
    if names:
        return "no %s in %s (Debian: libcurator-recipes-java, zookeeper)" % (" ".join(names), os.path.dirname(jar("")))
    return None if shutil.which("javac") else "no javac (Debian: default-jdk-headless)"


def jar(name):
    return os.path.join(os.environ.get("ZOOKEEPER_JARS", "/usr/share/java"), name + ".jar")


def run(folder, servers):
    classes = ":".join([jar(n) for n in JARS] + glob.glob(jar("failureaccess")) + [folder])
    subprocess.run(["javac", "-cp", classes, "-d", folder, os.path.join(HERE, "CuratorFlows.java")], check=True, timeout=240)
    servers.start()
    return subprocess.run(ensemble.with_parent(["java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
                                                "-cp", classes, "CuratorFlows", servers.hosts]), timeout=240).returncode


def main():
    if lacking():
        print("1..0 # SKIP " + lacking())
        return 77
    servers = ensemble.Ensemble(3, options={"extendedTypesEnabled": "true"}, properties=["zookeeper.extendedTypesEnabled=true"])
    try:
        with tempfile.TemporaryDirectory(prefix="pseudo-cluster-curator-") as folder:
            return run(folder, servers)
    finally:
        servers.close()


if __name__ == "__main__":
    sys.exit(main())
