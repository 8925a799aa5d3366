#!/usr/bin/env python3
"""kazoo's own tests, as its package ships them, on an ensemble of ours: check_kazoo.py [pytest's arguments]...

ENGINE=apache runs them on Apache ZooKeeper, to see which of them fail by themselves. Those that speak to no server are left out.
"""
import gc
import os
import shutil
import sys
import tempfile
import types
import unittest.mock

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import ensemble  # noqa: E402
import harness  # noqa: E402 - it also finds a Python that has kazoo

# What kazoo's harness sets in each server that it starts, and what its tests rely on; for Apache as properties of the JVM, too.
TIMES = {"tickTime": 2000, "initLimit": 4, "syncLimit": 2, "minSessionTimeout": None, "maxSessionTimeout": None}
SETTINGS = {
    "readonlymode.enabled": "true",
    "zookeeper.authProvider.1": "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    "zookeeper.DigestAuthenticationProvider.superDigest": "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
}
JAAS = """Server {
    org.apache.zookeeper.server.auth.DigestLoginModule required
    user_super="super_secret"
    user_jaasuser="jaas_password";
};
"""
# Modules that try kazoo's own parts alone.
WITHOUT_SERVER = ("build", "eventlet_handler", "exceptions", "gevent_handler", "hosts", "interrupt", "paths", "retry", "security",
                  "threading_handler", "utils")
NOT_FOR_US = {
    "test_connection.py::TestReadOnlyMode::test_read_only": "fails with Apache 3.8.0, too: a session of the quorum waits for it",
    "test_client.py::TestReconfig::test_add_remove_observer": "dynamic reconfiguration is off",
    "test_client.py::TestReconfig::test_bad_input": "dynamic reconfiguration is off",
    "test_client.py::TestReconfig::test_no_super_auth": "dynamic reconfiguration is off",
}


class Server:
    """A member, as kazoo's tests handle one."""

    def __init__(self, member):
        self.member = member
        self.address, self.client_port = member.hosts, member.client_port

    @property
    def running(self):
        return self.member.running()

    def run(self):
        if not self.running:
            self.member.start()

    def stop(self):
        self.member.stop()


class Cluster(list):
    """Three members, in the place of kazoo.testing's ZookeeperCluster."""

    def __init__(self, jaas):
        self.folder = tempfile.mkdtemp(prefix="pseudo-cluster-kazoo-")
        settings = dict(SETTINGS)
        if jaas:
            settings["java.security.auth.login.config"] = os.path.join(self.folder, "jaas.conf")
            with open(settings["java.security.auth.login.config"], "w") as f:
                f.write(JAAS)
        self.ensemble = ensemble.Ensemble(3, options=dict(TIMES, **settings), properties=["%s=%s" % s for s in settings.items()])
        super().__init__(Server(m) for m in self.ensemble.members)

    def start(self):
        self.ensemble.start()

    def terminate(self):
        self.ensemble.close()
        shutil.rmtree(self.folder)


class Clusters:
    """The one ensemble that tests share; another when SASL is asked for."""

    def __init__(self):
        self.cluster, self.jaas = None, None

    def get(self):
        jaas = os.environ.get("ZOOKEEPER_JAAS_AUTH")
        if self.cluster is None or jaas != self.jaas:
            self.end()
            self.cluster, self.jaas = Cluster(jaas), jaas
        return self.cluster

    def end(self):
        if self.cluster is not None:
            self.cluster.terminate()


class Tap:
    """A plugin for pytest: a line of TAP for each test."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def pytest_configure(self, config):
        config.option.verbose = 0  # the terminal's, which is not there; failed assertions ask for it

    def failure(self, name, report):
        self.failed += 1
        print("not ok - %s\n%s" % (name, "".join("# %s\n" % line for line in report.longreprtext.splitlines())), flush=True)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failure(report.nodeid, report)

    def pytest_runtest_logreport(self, report):
        name = "%s (%.1f s)" % (report.nodeid.split("/")[-1], report.duration)
        if report.failed:
            self.failure("%s, %s" % (name, report.when), report)
        elif report.skipped:
            self.skipped += 1
            print("ok - %s # SKIP %s" % (name, report.longrepr[2].splitlines()[0]), flush=True)
        elif report.when == "call":
            self.passed += 1
            print("ok - %s" % name, flush=True)


def stand_in():
    """Two modules that kazoo's tests use and its package does not ask for."""
    sys.modules["mock"] = unittest.mock
    sys.modules["objgraph"] = types.ModuleType("objgraph")
    sys.modules["objgraph"].count = lambda name: sum(type(o).__name__ == name for o in gc.get_objects())


def main():
    try:
        import pytest
        import kazoo.tests
        import kazoo.testing.harness
        ensemble.server_command("zoo.cfg")
    except (ImportError, ensemble.NotAvailable) as e:
        print("1..0 # SKIP kazoo's own tests: %s" % e)
        return 77
    stand_in()
    clusters, tap = Clusters(), Tap()
    kazoo.testing.harness.get_global_cluster = clusters.get
    folder = os.path.dirname(kazoo.tests.__file__)
    arguments = ["-p", "no:cacheprovider", "-p", "no:terminal", "--rootdir", folder]
    arguments += ["--ignore=%s/test_%s.py" % (folder, m) for m in WITHOUT_SERVER]
    arguments += ["--deselect=" + name for name in NOT_FOR_US]
    try:
        status = pytest.main(arguments + sys.argv[1:] + [folder], plugins=[tap])
    finally:
        clusters.end()
    for name, why in NOT_FOR_US.items():
        print("ok - %s # SKIP %s" % (name, why))
    print("# %d passed, %d failed, %d skipped with %s" % (tap.passed, tap.failed, tap.skipped + len(NOT_FOR_US), ensemble.ENGINE))
    return 0 if status == 0 and not tap.failed else 1


if __name__ == "__main__":
    sys.exit(main())
