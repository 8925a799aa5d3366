#!/usr/bin/env python3
"""The Apache C client, each of its functions (cflows), on an ensemble of three. ENGINE=apache judges the flows themselves."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))

import ensemble  # noqa: E402


def main():
    try:
        cflows = ensemble.program("cflows")
        ensemble.server_command("zoo.cfg")
    except ensemble.NotAvailable as e:
        print("1..0 # SKIP the Apache C client, or a server, is missing: %s" % e)
        return 77
    servers = ensemble.Ensemble(3, options={"extendedTypesEnabled": "true"}, properties=["zookeeper.extendedTypesEnabled=true"])
    servers.start()
    try:
        return subprocess.run(ensemble.with_parent([cflows, servers.hosts]), timeout=240).returncode
    finally:
        servers.close()


if __name__ == "__main__":
    sys.exit(main())
