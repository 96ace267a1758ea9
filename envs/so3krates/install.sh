#!/bin/sh
# Fill .venv-so3krates from envs/so3krates/requirements.txt: sh envs/so3krates/install.sh [directory]
set -eu
cd "$(dirname "$0")/../.."
VENV=${1:-.venv-so3krates}
"${PYTHON:-python3}" -m venv --clear "$VENV"
pip() { "$VENV/bin/python" -m pip "$@" -q --disable-pip-version-check; }
pip install torch==2.13.0
pip install -r envs/so3krates/requirements.txt
pip check
echo "Environment: $VENV, as in envs/so3krates/requirements.txt"
