#!/bin/sh
# Fill an environment from the lock: sh envs/install.sh [directory, default .venv]
#
# Nothing is installed unless envs/preflight.sh is content. An existing environment is replaced.
set -eu
cd "$(dirname "$0")/.."
VENV=${1:-.venv}
LOCK=envs/requirements.lock
begin=$(date +%s)
export VENV

settings=$(sh envs/preflight.sh)
eval "$settings" # PYTHON, CXX

if [ -e "$VENV" ] && [ ! -e "$VENV/pyvenv.cfg" ] && [ -n "$(ls -A "$VENV" 2>/dev/null)" ]; then
    echo "$VENV exists and is not a Python environment: move it away first" >&2
    exit 1
fi

# The environment must not depend on what the caller's shell adds to Python or pip.
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_HASHES PIP_CONSTRAINT
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

step() { printf '[%4d s] %s\n' "$(($(date +%s) - begin))" "$1"; }
pip() { "$VENV/bin/python" -m pip "$@" -qq --progress-bar off; }
locked() { # the lock's entry of one package, with its hashes
    awk -v pin="$1==" 'index($0, pin) == 1 { on = 1 } on { print } on && !/\\$/ { on = 0 }' "$LOCK"
}

step "new environment in $VENV with $PYTHON"
"$PYTHON" -m venv --clear "$VENV"
for tool in pip setuptools wheel numpy pybind11; do locked "$tool"; done >"$VENV/build-tools.txt"
pip install --require-hashes --no-deps -r "$VENV/build-tools.txt"

# torch alone carries no hash: the CPU or the CUDA build, whichever the index offers. What it shares
# with the rest is held at the lock's versions; its CUDA companions are free.
step "torch"
sed -n '/^torch==/d; s/^\([a-z].*[^ \\]\) *\\*$/\1/p' "$LOCK" >"$VENV/constraints.txt"
pip install --constraint "$VENV/constraints.txt" "$(locked torch)"

# GPAW takes mpic++ where there is one, also without MPI's headers (Debian's openmpi-bin alone).
if [ -z "${GPAW_CONFIG:-}" ] && command -v mpic++ >/dev/null 2>&1 &&
    ! echo '#include <mpi.h>' | mpic++ -x c++ -fsyntax-only - >/dev/null 2>&1; then
    step "mpic++ finds no mpi.h: GPAW is compiled without MPI"
    GPAW_CONFIG=$(cd "$VENV" && pwd)/gpaw_siteconfig.py
    export GPAW_CONFIG
    echo 'mpi = False' >"$GPAW_CONFIG"
fi

# GPAW's C sources want a C++ compiler in both places.
step "everything else from $LOCK (GPAW is compiled)"
CC=$CXX CXX=$CXX pip install --require-hashes --no-deps --no-build-isolation -r "$LOCK"

step "umklapp itself, and a check that all requirements are met"
pip install --no-deps --no-build-isolation --editable .
"$VENV/bin/python" -m pip check
step "done: . $VENV/bin/activate, or let make use it"
