#!/bin/sh
# Guards the floors of docs/design.md: who includes whom, what the pure floors may call, and that each file says what it is for.
# Runs in the build's folder, where the objects are; srcdir names the sources. Afterwards it plants one offence of each kind in
# a copy and looks whether it is found.
set -eu
src=${srcdir:-.}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
passed=0 failed=0

main() {
    expect_quiet "includes stay on their floor or below" check_includes "$src"
    expect_quiet "every file begins with its purpose" check_purpose "$src"
    pure_objects "$src" >"$tmp/objects" 2>"$tmp/not-built" || :
    expect_quiet "every file of floors 0 to 4 is built" cat "$tmp/not-built"
    expect_quiet "floors 0 to 4 call nothing that has effects" check_calls "$tmp/objects"
    expect_quiet "floors 0 to 4 keep no state of their own" check_state "$tmp/objects"
    plant_includes
    plant_purpose
    plant_symbols
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ]
}

# --- the checks; each prints one line for each offence ---

check_includes() {
    (cd "$1" && find lib server -name '*.[ch]' -print | sort) | awk -v top="$1" '
        function floor_of(path) {
            if (path ~ /^lib\/base\//) return 0
            if (path ~ /^lib\/wire\//) return 1
            if (path ~ /^lib\/secure\//) return 4.5
            if (path ~ /^server\/tree\//) return 2
            if (path ~ /^server\/zab\//) return 3
            if (path ~ /^server\/request\//) return 4
            if (path ~ /^server\/store\//) return 5
            if (path ~ /^server\/net\//) return 6
            if (path ~ /^server\/[^\/]*$/) return 7
            return -1
        }
        function exists(path,    line, got) {
            got = (getline line < (top "/" path)) >= 0
            close(top "/" path)
            return got
        }
        # The included file as a path from the top, found as the compiler finds it (-Ilib -Iserver -I.).
        function resolve(name, dir) {
            if (name ~ /(^|\/)\.\.?\//) return ""
            if (exists(dir "/" name)) return dir "/" name
            if (exists("lib/" name)) return "lib/" name
            if (exists("server/" name)) return "server/" name
            return exists(name) ? name : ""
        }
        function complain(why) {
            print file ":" row ": " why
        }
        function judge_quoted(name,    target, to) {
            if (name == "config.h") return
            target = resolve(name, dir)
            if (target == "") { complain("\"" name "\" is not there, or is named by a relative path"); return }
            to = floor_of(target)
            if (to < 0) complain("\"" name "\" is on no floor")
            else if (to > from) complain("floor " from " includes \"" name "\", which is on floor " to)
            else if (from == 6 && to == 5) complain("net and store never include each other: \"" name "\"")
        }
        function judge_system(name) {
            if (name ~ /^sqlite3/ && from != 5 && from != 7) complain("<" name "> belongs to server/store")
            if (name ~ /^(openssl\/ssl|gsasl)/ && from != 4.5) complain("<" name "> belongs to lib/secure")
            if (name ~ /^event/ && from != 6 && from != 7) complain("<" name "> belongs to server/net")
            if (name ~ /^(pthread|threads|time|sys\/socket|sys\/time|fcntl|unistd|poll)\.h$/ && from <= 4)
                complain("<" name "> has effects; floors 0 to 4 have none")
        }
        {
            file = dir = $0
            sub(/\/[^\/]*$/, "", dir)
            from = floor_of(file)
            row = 0
            if (from < 0) complain("on no floor; see docs/design.md")
            while (from >= 0 && (getline line < (top "/" file)) > 0) {
                row++
                if (line !~ /^[ \t]*#[ \t]*include[ \t]*["<]/) continue
                name = line
                sub(/^[^"<]*["<]/, "", name)
                sub(/[">].*$/, "", name)
                if (line ~ /^[^<]*"/) judge_quoted(name); else judge_system(name)
            }
            close(top "/" file)
        }'
}

check_purpose() {
    (cd "$1" && find lib server client launcher tests \( -name '*.[ch]' -o -name '*.sh' -o -name '*.py' -o -name '*.mk' \) -print |
        sort) | awk -v top="$1" '
        {
            path = top "/" $0
            if ((getline line < path) <= 0) line = ""
            if (line ~ /^#!/ && (getline line < path) <= 0) line = ""
            if (line == "/*" && (getline line < path) > 0) sub(/^ \* /, "/* ", line)
            close(path)
            opening = $0 ~ /\.[ch]$/ ? "^/[*/] ?[A-Za-z]" : ($0 ~ /\.py$/ ? "^(#|\"\"\") ?[A-Za-z]" : "^# ?[A-Za-z]")
            if (line !~ opening || length(line) < 12) print $0 ": does not begin with a comment that says what it is for"
        }'
}

# Undefined symbols that would mean a clock, a file, a socket, a thread, a process, or chance that no seed governs.
# Takes a file that lists objects, as does check_state.
check_calls() {
    nm_all "$1" -P -A | awk -v darwin="$(uname | grep -c Darwin || :)" '
        BEGIN {
            effects = "^(sqlite3_.*|event_.*|evbuffer_.*|bufferevent_.*|evconnlistener_.*|evutil_.*|evdns_.*|evhttp_.*" \
                "|socket|socketpair|bind|listen|accept4?|connect|shutdown|send|sendto|sendmsg|recv|recvfrom|recvmsg|[gs]etsockopt" \
                "|getaddrinfo|gethostby.*|select|pselect|poll|ppoll|epoll_.*|kqueue|kevent" \
                "|open|openat|creat|close|read|pread|readv|write|pwrite|writev|lseek|ioctl|fcntl|dup[23]?|pipe2?|mmap|munmap" \
                "|fopen|fdopen|freopen|fclose|fread|fgets|fgetc|getline|scanf|fscanf|tmpfile|printf|puts|putchar|perror" \
                "|fsync|fdatasync|f?truncate|unlink|rename|remove|mkdir|rmdir|[fl]?stat|fstatat|opendir|readdir|access" \
                "|fork|vfork|exec[lv].*|posix_spawn.*|waitpid|wait|kill|raise|signal|sigaction|system|popen" \
                "|clock|clock_gettime|time|gettimeofday|timespec_get|localtime(_r)?|gmtime(_r)?|mktime|nanosleep|u?sleep|alarm|setitimer" \
                "|pthread_.*|thrd_.*|mtx_.*|cnd_.*|sem_.*" \
                "|rand|rand_r|srand|random|srandom|[a-z]rand48|getrandom|getentropy|arc4random.*|getenv|setenv|setlocale|strtok|getpid)$"
        }
        $3 == "U" {
            name = $2
            if (darwin) sub(/^_/, "", name)
            sub(/\$.*$/, "", name)
            if (name ~ /^__.*_chk$/) { sub(/^__/, "", name); sub(/_chk$/, "", name) }
            sub(/64$/, "", name)
            if (name ~ effects) print $1 " calls " name
        }'
}

# Variables that outlive a call. Only GNU and LLVM nm tell data from relocated constants; elsewhere there is nothing to see.
check_state() {
    nm_all "$1" -f sysv 2>/dev/null | awk -F '|' '
        /^Symbols from/ { object = $0; sub(/^Symbols from /, "", object); sub(/:$/, "", object) }
        NF >= 7 {
            gsub(/[ \t]/, "", $1)
            gsub(/[ \t]/, "", $7)
            if ($1 ~ /^(__|\.)/) next # what the compiler adds for a sanitizer
            if ($7 ~ /^(\.data|\.bss|\.tbss|\.tdata|\*COM\*)$/ || $7 ~ /^\.(data|bss)\.[^r]/) print object " keeps " $1 " in " $7
        }'
}

# --- what is checked, and by whom ---

# The objects of floors 0 to 4; what ought to be there and is not goes to stderr.
pure_objects() {
    listed=$(find "$1" \( -name local.mk -o -name Makefile.am \) -exec cat {} +)
    (cd "$1" && find lib/base lib/wire server/tree server/zab server/request -name '*.c' -print 2>/dev/null | sort) |
        while read -r file; do
            case $listed in
            *"$file"*) ;;
            *) continue ;; # not part of the build, so not of the distribution: CI sees that
            esac
            name=$(basename "$file" .c)
            found=no
            for object in "$(dirname "$file")/$name.o" "$(dirname "$file")"/*-"$name.o"; do
                [ ! -f "$object" ] || { found=yes && echo "$object"; }
            done
            [ $found = yes ] || echo "$file has no object here; run this test with make check" >&2
        done
}

# nm_all FILE OPTION...: nm over the objects that FILE lists
nm_all() {
    list=$1
    shift
    [ -s "$list" ] || { echo "no objects to look at" >&2 && return 1; }
    # Built objects have no blanks in their names
    # shellcheck disable=SC2046
    "${NM:-nm}" "$@" $(cat "$list")
}

# expect_quiet WHAT CHECK ARG: the check finds nothing
expect_quiet() {
    what=$1
    shift
    if said=$("$@" 2>&1) && [ -z "$said" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not so: $what"
        printf '%s\n' "$said" | sed 's/^/    /'
    fi
}

# expect_found PATTERN CHECK ARG: the check names the planted offence
expect_found() {
    pattern=$1
    shift
    said=$("$@" 2>&1) || :
    if printf '%s\n' "$said" | grep -q -- "$pattern"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "planted and not found: $pattern"
        printf '%s\n' "$said" | sed 's/^/    /'
    fi
}

# --- planted offences ---

# plant FILE LINE
plant() {
    mkdir -p "$(dirname "$tmp/$1")"
    printf '%s\n' "$2" >>"$tmp/$1"
}

plant_includes() {
    mkdir -p "$tmp/lib" "$tmp/server"
    for dir in lib server; do
        (cd "$src" && find "$dir" -name '*.[ch]' -print) | while read -r file; do
            mkdir -p "$(dirname "$tmp/$file")"
            cp "$src/$file" "$tmp/$file"
        done
    done
    plant server/net/planted.h '/* A planted header. */'
    plant server/store/planted.h '/* A planted header. */'
    plant server/planted.h '/* A planted header. */'
    plant server/elsewhere/planted.h '/* On no floor. */'
    plant lib/base/buf.c '#include "net/planted.h"'
    plant server/net/planted.c '#include "store/planted.h"'
    plant server/store/planted.c '  #  include "net/planted.h"'
    plant lib/wire/jute.c '#include "../base/list.h"'
    plant lib/wire/proto.c '#include "planted.h"'
    plant lib/wire/fact.c '#include <sqlite3.h>'
    plant server/store/clock.c '#include <event2/event.h>'
    expect_found 'buf.c:.*floor 0 includes "net/planted.h", which is on floor 6' check_includes "$tmp"
    expect_found 'net/planted.c:.*never include each other' check_includes "$tmp"
    expect_found 'store/planted.c:.*floor 5 includes "net/planted.h"' check_includes "$tmp"
    expect_found 'jute.c:.*relative path' check_includes "$tmp"
    expect_found 'proto.c:.*floor 1 includes "planted.h", which is on floor 7' check_includes "$tmp"
    expect_found 'elsewhere/planted.h:.*on no floor' check_includes "$tmp"
    expect_found 'fact.c:.*<sqlite3.h>' check_includes "$tmp"
    expect_found 'store/clock.c:.*<event2/event.h>' check_includes "$tmp"
}

plant_purpose() {
    mkdir -p "$tmp/client" "$tmp/launcher" "$tmp/tests"
    plant client/mute.c 'int main(void) { return 0; }'
    plant tests/mute.sh '#!/bin/sh'
    plant launcher/empty.h ''
    for file in client/mute.c tests/mute.sh launcher/empty.h; do
        expect_found "$file: does not begin" check_purpose "$tmp"
    done
}

plant_symbols() {
    cat >"$tmp/planted.c" <<'END'
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int planted_count;
static int planted_limit = 7;
long planted(void);
long planted(void)
{
    planted_limit += planted_count++;
    return (long)time(NULL) + (long)write(1, "x", (size_t)planted_limit) + rand();
}
END
    # CC may carry options
    # shellcheck disable=SC2086
    ${CC:-cc} -c -o "$tmp/planted.o" "$tmp/planted.c"
    echo "$tmp/planted.o" >"$tmp/planted-objects"
    for name in time write rand; do
        expect_found "calls $name\$" check_calls "$tmp/planted-objects"
    done
    if "${NM:-nm}" -f sysv "$tmp/planted.o" 2>/dev/null | grep -q '|\.bss'; then
        expect_found 'keeps planted_count' check_state "$tmp/planted-objects"
        expect_found 'keeps planted_limit' check_state "$tmp/planted-objects"
    fi
}

main
