#!/bin/sh
# Fill .venv-NAME from envs/NAME/requirements.txt, for potential.backend: NAME, or foundation models
#     sh envs/backend.sh so3krates|mace|foundation [directory]
set -eu
cd "$(dirname "$0")/.."
VENV=${2:-.venv-$1}
STAMP="$VENV/.umklapp-$(cksum < "envs/$1/requirements.txt" | cut -d ' ' -f 1)"
if [ -f "$STAMP" ]; then
    echo "Environment: $VENV, as in envs/$1/requirements.txt"
    exit
fi
"${PYTHON:-python3}" -m venv --clear "$VENV"
pip() { "$VENV/bin/python" -m pip "$@" --disable-pip-version-check; }
if [ "$1" = foundation ]; then # its requirements.txt says why
    pip install -q --no-deps -r "envs/$1/requirements.txt"
    "$VENV/bin/python" -c "import nequix.calculator"
else
    pip install -q torch==2.13.0 # first and alone: see envs/README.md
    pip install -q -r "envs/$1/requirements.txt"
    pip check
fi
touch "$STAMP"
echo "Environment: $VENV, as in envs/$1/requirements.txt"
