#!/bin/sh
# A short torture run comes out clean and leaves nothing behind, one that is interrupted too; what makes no sense is refused.
# TORTURE_SECONDS and TORTURE_SEED choose another run.
set -u
pc=${top_builddir:-.}/pseudo-cluster
seconds=${TORTURE_SECONDS:-6}
seed=${TORTURE_SEED:-7}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/ensembles"
TMPDIR=$tmp/ensembles
export TMPDIR
unset PSEUDO_CLUSTER_DIR
passed=0 failed=0

# expect WHAT COMMAND...: the command succeeds
expect() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: $what"
        cat "$tmp/out" "$tmp/err" 2>/dev/null
    fi
}

torture() {
    "$pc" torture "$@" >"$tmp/out" 2>"$tmp/err"
    code=$?
}

nothing_left() {
    [ -z "$(ls -A "$TMPDIR")" ]
}

# Polls, for a minute at most, until standard error has the text.
told() {
    i=0
    while [ $i -lt 600 ]; do
        grep -q "$1" "$tmp/err" 2>/dev/null && return 0
        i=$((i + 1))
        sleep 0.1
    done
    return 1
}

torture --seconds "$seconds" --seed "$seed" --json
expect "a run ends with 0" [ "$code" -eq 0 ]
expect "its verdict is clean" grep -q '"verdict":"clean"' "$tmp/out"
expect "something was acknowledged" grep -q '"acknowledged":[1-9]' "$tmp/out"
expect "nothing is left" nothing_left

torture --seconds 4 --round 2 --seed "$seed" --faults all --json
expect "rounds end with 0" [ "$code" -eq 0 ]
expect "each round is told" [ "$(grep -c '"fact":"torture-round".*"verdict":"clean"' "$tmp/out")" -eq 2 ]
expect "and the whole" grep -q '"fact":"torture",.*"rounds":2' "$tmp/out"

torture --seconds 1 -n 1 --clients 2 --rate 100 --faults pause --keep
expect "another size ends with 0" [ "$code" -eq 0 ]
kept=$(grep -ho "$TMPDIR/[^ ]*" "$tmp/out" "$tmp/err" | head -n 1)
expect "the folder is kept when asked, and named" [ -d "${kept:-/nowhere}" ]
rm -rf "${kept:-/nowhere}"
expect "and nothing else" nothing_left

rm -f "$tmp/err"
"$pc" torture --seconds 600 --faults kill >"$tmp/out" 2>"$tmp/err" &
pid=$!
expect "a run says that it has begun" told "under load"
kill -INT "$pid"
wait "$pid"
code=$?
expect "an interrupted run ends with 0" [ "$code" -eq 0 ]
expect "it gives its verdict" grep -q 'verdict  *clean' "$tmp/out"
expect "nothing is left of it" nothing_left

torture --faults kill,rust
expect "a fault that there is not is usage" [ "$code" -eq 2 ]
expect "those that there are are named" grep -q "no fault 'rust'; there are: kill, .*power-loss.*kill-at.*disk-full" "$tmp/err"
torture --seconds soon
expect "a number that is none is usage" [ "$code" -eq 2 ]
torture -C "$tmp"
expect "a folder without --here is usage" [ "$code" -eq 2 ]
torture --here -C "$tmp"
expect "--here needs a cluster" [ "$code" -eq 3 ]

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
