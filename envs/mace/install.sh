#!/bin/sh
# Fill .venv-mace from envs/mace/requirements.txt: sh envs/mace/install.sh [directory]
set -eu
cd "$(dirname "$0")/../.."
VENV=${1:-.venv-mace}
"${PYTHON:-python3}" -m venv --clear "$VENV"
pip() { "$VENV/bin/python" -m pip "$@" -q --disable-pip-version-check; }
pip install torch==2.13.0
pip install -r envs/mace/requirements.txt
pip check
echo "Environment: $VENV, as in envs/mace/requirements.txt"
