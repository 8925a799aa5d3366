#!/bin/sh
# Runs the simulator: every scenario against its expected trace. Then a range of seeds: check_seeds_1.sh and check_seeds_2.sh.
set -u
src=${srcdir:-.}
sim=${top_builddir:-.}/sim
passed=0
failed=0
for scenario in "$src"/tests/scenarios/*.txt; do
    if "$sim" --scenario "$scenario"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
