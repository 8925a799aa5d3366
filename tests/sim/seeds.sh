#!/bin/sh
# One half of the seeds that make check runs:  seeds.sh 1|2  . SIM_SEEDS and SIM_FIRST choose another range, e.g.
#   make -j2 check TESTS='tests/sim/check_seeds_1.sh tests/sim/check_seeds_2.sh' SIM_SEEDS=10000 SIM_FIRST=5000
set -u
half=$((${SIM_SEEDS:-2000} / 2))
out=$("${top_builddir:-.}/sim" --first $((${SIM_FIRST:-1} + ($1 - 1) * half)) --seeds "$half" --keep-going)
code=$?
echo "$out"
line=$(echo "$out" | tail -n 1)
runs=$(echo "$line" | sed -n 's/^runs \([0-9]*\), violations [0-9]*$/\1/p')
violations=$(echo "$line" | sed -n 's/^runs [0-9]*, violations \([0-9]*\)$/\1/p')
if [ "${runs:-0}" -ne "$half" ]; then
    echo "the simulator broke down ($code)"
    echo "0 passed, 1 failed"
    exit 1
fi
echo "$((runs - violations)) passed, $violations failed"
[ "$violations" -eq 0 ] && [ "$code" -eq 0 ]
