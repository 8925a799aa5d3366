#!/bin/sh
# Holds tests/count to its word: planted verdicts and logs, and the one line that must come of each.
set -eu
count=${srcdir:-.}/tests/count
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

# plant NAME VERDICT, the log on stdin
plant() {
    mkdir -p "$(dirname "$tmp/$1")"
    printf ':test-result: %s\n:global-test-result: %s\n:recheck: no\n' "$2" "$2" >"$tmp/$1.trs"
    cat >"$tmp/$1.log"
}

# expect STATUS LINE: what tests/count says to all that is planted; then starts afresh
expect() {
    status=0
    line=$(sh "$count" "$tmp") || status=$?
    if [ "$status $line" = "$1 $2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "expected: $1 $2"
        echo "     got: $status $line"
    fi
    rm -rf "${tmp:?}"/*
}

expect 1 '0 passed, 1 failed'

plant check_one PASS <<'END'
Running suite(s): one
100%: Checks: 12, Failures: 0, Errors: 0
Running suite(s): two
100%: Checks: 3, Failures: 0, Errors: 0
PASS check_one (exit status: 0)
END
plant tests/plain PASS <<'END'
said nothing that counts
END
expect 0 '16 passed, 0 failed'

plant check_one FAIL <<'END'
75%: Checks: 12, Failures: 2, Errors: 1
END
expect 1 '9 passed, 3 failed'

plant tests/e2e/run FAIL <<'END'
3 passed, 0 failed
40 passed, 2 failed, 1 skipped
END
expect 1 '40 passed, 2 failed, 1 skipped'

plant tests/e2e/run PASS <<'END'
ok 1 - a name
1..1
# 1 passed, 0 failed, 2 skipped with kazoo in 0.3 s
END
plant tests/sim/run PASS <<'END'
400 passed, 0 failed in 12 s
END
expect 0 '401 passed, 0 failed, 2 skipped'

plant tests/python FAIL <<'END'
Ran 10 tests in 0.300s

FAILED (failures=1, errors=2, skipped=3)
END
expect 1 '4 passed, 3 failed, 3 skipped'

plant tests/python PASS <<'END'
Ran 1 test in 0.300s

OK
END
plant tests/away SKIP </dev/null
expect 0 '1 passed, 0 failed, 1 skipped'

# A program that ended badly after good counts still failed.
plant check_crash FAIL <<'END'
100%: Checks: 5, Failures: 0, Errors: 0
END
plant check_hard ERROR </dev/null
expect 1 '5 passed, 2 failed'

# A program that says it failed is believed, whatever it exits with.
plant check_lying PASS <<'END'
5 passed, 1 failed
END
expect 1 '5 passed, 1 failed'

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
