#!/bin/sh
# Fill .venv-srme from envs/srme/requirements.txt: sh envs/srme/install.sh [directory]
set -eu
cd "$(dirname "$0")/../.."
VENV=${1:-.venv-srme}
"${PYTHON:-python3}" -m venv --clear "$VENV"
"$VENV/bin/python" -m pip install -q --disable-pip-version-check -r envs/srme/requirements.txt
echo "Environment: $VENV, as in envs/srme/requirements.txt"
