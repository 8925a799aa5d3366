#!/usr/bin/env python3
"""The short form of tests/interop/diff, for make check: all directed sequences and a few random ones, always the same."""
import os
import sys

sys.dont_write_bytecode = True
os.execv(sys.executable, [sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "diff"), "--cases",
                          "--first", "1000", "--seeds", "2", "--steps", "300", "--shrink", "100"])
