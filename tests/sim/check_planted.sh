#!/bin/sh
# Shows that the simulator can fail: each planted bug (server/zab/plant.h) is found within a few seeds, and no program that anyone
# uses holds any of them. PLANTED_SEEDS chooses another number; tests/sim/planted is the same by hand.
set -u
build=${top_builddir:-.}
seeds=${PLANTED_SEEDS:-60}
passed=0 failed=0

table=$("$build/sim_planted" --table all --seeds "$seeds" --keep-going)
echo "$table"
# A line of the table begins with the bug's name; what else found it follows, indented
bugs=$(printf '%s\n' "$table" | awk '$2 ~ /^[0-9]+$/ && !/^ / && $3 ~ /^[0-9]+$/ {n++} END {print n + 0}')
found=$(printf '%s\n' "$table" | awk '$2 ~ /^[0-9]+$/ && !/^ / && $3 > 0 {n++} END {print n + 0}')
passed=$((passed + found))
failed=$((failed + bugs - found))
[ "$bugs" -ge 15 ] || { echo "the table is short: $bugs bugs" && failed=$((failed + 1)); }

# What a planted build must hold, and no other may
traces='planted_bug\|ack-before-fsync'
grep -q "$traces" "$build/sim_planted" || { echo "sim_planted holds no plant: this test sees nothing" && failed=$((failed + 1)); }
for program in zkserver pseudo-cluster zkcli sim libcore.a libwire.a; do
    if [ ! -f "$build/$program" ]; then
        echo "$program is not there"
        failed=$((failed + 1))
    elif grep -q "$traces" "$build/$program"; then
        echo "$program holds a planted bug"
        failed=$((failed + 1))
    else
        passed=$((passed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
