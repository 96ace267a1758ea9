#!/bin/sh
# Fill .venv-NAME from envs/NAME/requirements.txt, for potential.backend: NAME
#     sh envs/backend.sh so3krates|mace [directory]
set -eu
cd "$(dirname "$0")/.."
VENV=${2:-.venv-$1}
"${PYTHON:-python3}" -m venv --clear "$VENV"
pip() { "$VENV/bin/python" -m pip "$@" --disable-pip-version-check; }
pip install -q torch==2.13.0 # first and alone: see envs/README.md
pip install -q -r "envs/$1/requirements.txt"
pip check
echo "Environment: $VENV, as in envs/$1/requirements.txt"
