#!/bin/sh
# Runs the simulator: every scenario against its expected trace, then a range of seeds. SIM_SEEDS and SIM_FIRST choose another
# range, e.g.  make check TESTS=tests/sim/check_sim.sh SIM_SEEDS=10000 SIM_FIRST=5000
set -u
src=${srcdir:-.}
sim=${top_builddir:-.}/sim
first=${SIM_FIRST:-1}
seeds=${SIM_SEEDS:-200}
passed=0
failed=0

for scenario in "$src"/tests/scenarios/*.txt; do
    if "$sim" --scenario "$scenario"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
done

out=$("$sim" --first "$first" --seeds "$seeds" --keep-going)
echo "$out" | grep -v ' runs, '
runs=$(echo "$out" | sed -n 's/^\([0-9]*\) runs, .*/\1/p')
violations=$(echo "$out" | sed -n 's/^[0-9]* runs, \([0-9]*\) violations$/\1/p')
if [ -z "$runs" ] || [ "$runs" -ne "$seeds" ]; then
    echo "the simulator broke down"
    failed=$((failed + 1))
else
    passed=$((passed + runs - violations))
    failed=$((failed + violations))
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
