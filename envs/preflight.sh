#!/bin/sh
# Can `make env` succeed on this machine? Asked before anything is installed.
#
# The report goes to stderr, one line per check. On success stdout carries two shell assignments,
# PYTHON and CXX, for envs/install.sh. On any failure: the remedies, exit status 1, nothing on stdout.
#
# Overridable: PYTHON (interpreter), CXX (C++ compiler), VENV (where the environment will go), TMPDIR,
# NEED_DISK_GB, NEED_TMP_GB.
set -u
export LC_ALL=C

VENV=${VENV:-.venv}
TMPDIR=${TMPDIR:-/tmp}
OLDEST="3, 11"
failures=0

pass() { printf '  ok    %s\n' "$1" >&2; }
warn() { printf '  note  %s\n' "$1" >&2; }
fail() { # fail <what is wrong> <remedy>
    printf '  FAIL  %s\n        -> %s\n' "$1" "$2" >&2
    failures=$((failures + 1))
}
quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"; }

# --- Python -------------------------------------------------------------------------------------
# asks <interpreter> <expression>: is the expression true there?
asks() { "$1" -c "import os, sys, sysconfig; sys.exit(not ($2))" >/dev/null 2>&1; }

new_enough() { asks "$1" "sys.version_info >= ($OLDEST)"; }
can_venv() { "$1" -c 'import venv, ensurepip' >/dev/null 2>&1; }
has_headers() { asks "$1" "os.path.exists(os.path.join(sysconfig.get_path('include'), 'Python.h'))"; }

# An activated environment must not become the parent of the one that replaces it.
base_python() { "$1" -c "import sys; print(getattr(sys, '_base_executable', '') or sys.executable)"; }

choose_python() { # the first complete interpreter, else the first that is new enough
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3.11 python3.12 python3.13 python3; fi
    first=
    for candidate; do
        new_enough "$candidate" || continue
        candidate=$(base_python "$candidate")
        first=${first:-$candidate}
        if can_venv "$candidate" && has_headers "$candidate"; then
            first=$candidate
            break
        fi
    done
    printf '%s' "$first"
}

answer() { # what the interpreter that the user named says of itself
    [ -n "${PYTHON:-}" ] || return 0
    if command -v "$PYTHON" >/dev/null 2>&1; then
        "$PYTHON" --version 2>&1 | sed -n '1s/^/; it says: /p'
    else
        printf '; there is no such command'
    fi
}

check_python() {
    tried=${PYTHON:-python3.11, python3.12, python3.13, python3}
    python=$(choose_python)
    if [ -z "$python" ]; then
        fail "no Python >= 3.11 (tried: $tried$(answer))" \
            "apt install python3.11 python3.11-venv python3.11-dev | module load python/3.11 | conda create -n py python=3.11; then make env PYTHON=/path/to/python3.11"
        return
    fi
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    pass "Python $version ($python)"
    case $version in
    3.11) ;;
    3.12 | 3.13) warn "CI tests Python 3.11 only; the lock fits $version" ;;
    *) warn "the lock was made for Python 3.11-3.13; some packages may have to be compiled for $version" ;;
    esac
    if can_venv "$python"; then
        pass "venv and pip"
    else
        fail "$python cannot make environments (modules venv and ensurepip)" \
            "apt install python$version-venv | use another interpreter: make env PYTHON=..."
    fi
    if has_headers "$python"; then
        pass "Python headers"
    else
        fail "Python.h of $python is missing (GPAW is compiled against it)" \
            "apt install python$version-dev | module load python/3.11 | conda's python has it: make env PYTHON=..."
    fi
}

# --- C++ compiler -------------------------------------------------------------------------------
compiles() {
    printf '#include <algorithm>\n#include <vector>\nint main() { std::vector<int> v{2, 1}; std::sort(v.begin(), v.end()); return v[0] - 1; }\n' \
        >"$scratch/check.cpp" && "$1" -std=c++17 -o "$scratch/check" "$scratch/check.cpp" >/dev/null 2>&1
}

check_compiler() {
    if [ -n "${CXX:-}" ]; then set -- "$CXX"; else set -- g++ clang++; fi
    compiler=
    for candidate; do
        if compiles "$candidate"; then
            compiler=$candidate
            break
        fi
    done
    if [ -n "$compiler" ]; then
        pass "C++ compiler ($compiler)"
    else
        fail "no working C++ compiler (tried: ${CXX:-g++, clang++}; needed to build GPAW)" \
            "apt install g++ | module load gcc | conda install -c conda-forge gxx; or make env CXX=/path/to/g++"
    fi
}

# --- disk ---------------------------------------------------------------------------------------
parent_of() { # the nearest existing directory above a path
    directory=$1
    while [ ! -d "$directory" ]; do directory=$(dirname "$directory"); done
    printf '%s' "$directory"
}

free_kb() { df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'; }

check_space() { # check_space <what> <directory> <GB> <remedy>
    free=$(free_kb "$2")
    if [ -z "$free" ]; then
        warn "free space in $2 unknown"
    elif awk "BEGIN { exit !($free < $3 * 1024 * 1024) }"; then
        fail "$1 ($2): $((free / 1024)) MB free, $3 GB needed" "$4"
    else
        pass "$1: $((free / 1024 / 1024)) GB free of $3 GB needed"
    fi
}

check_disk() {
    home=$(parent_of "$VENV")
    enough=4
    if nvidia-smi -L >/dev/null 2>&1; then enough=8; fi
    check_space "disk for $VENV" "$home" "${NEED_DISK_GB:-$enough}" \
        "free some space, or check the project out on a larger file system"
    if [ "$(free_kb "$home")" -lt $((8 * 1024 * 1024)) ] 2>/dev/null; then
        warn "less than 8 GB free: enough for a CPU build of torch, not for the CUDA build that pip takes by default on Linux (envs/README.md)"
    fi
    if probe=$(mktemp -d "$home/.umklapp-probe.XXXXXX" 2>/dev/null); then
        rmdir "$probe"
        pass "write permission"
    else
        fail "cannot write in $home" "work in a checkout of your own"
    fi
}

# --- all of it ----------------------------------------------------------------------------------
printf 'Checking this machine before anything is installed:\n' >&2
check_python
if scratch=$(mktemp -d "$TMPDIR/umklapp-preflight.XXXXXX" 2>/dev/null); then
    trap 'rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    check_compiler
    check_space "temporary space" "$TMPDIR" "${NEED_TMP_GB:-2}" \
        "point TMPDIR to a directory with more room: export TMPDIR=/path/to/scratch"
else
    fail "cannot write temporary files in TMPDIR ($TMPDIR)" \
        "point TMPDIR to a writable directory: export TMPDIR=/path/to/scratch"
fi
check_disk

if [ "$failures" -gt 0 ]; then
    printf 'Nothing was installed: %d check(s) failed.\n' "$failures" >&2
    exit 1
fi
printf 'PYTHON=%s\nCXX=%s\n' "$(quoted "$python")" "$(quoted "$compiler")"
