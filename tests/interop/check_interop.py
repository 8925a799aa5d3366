#!/usr/bin/env python3
"""The short form of tests/interop/run, for make check: about a minute."""
import os
import sys

sys.dont_write_bytecode = True
os.execv(sys.executable, [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "run"), "--short"])
