"""Regenerate envs/requirements.lock and envs/umklapp.yaml, or check that they agree.

    python envs/update_lock.py             follow pyproject.toml, keep all other pins
    python envs/update_lock.py --upgrade   take the newest versions everywhere
    python envs/update_lock.py --check     offline: all dependencies locked, umklapp.yaml the same?

The standard library is enough; resolving is done by uv, installed into a temporary environment.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "envs" / "requirements.lock"
CONDA = ROOT / "envs" / "umklapp.yaml"
OLDEST_PYTHON = "3.11"
UV = "uv==0.13.8"

# torch stays unhashed and its CUDA companions unlisted: pip takes the CPU or the CUDA build,
# whichever the machine's index offers, and only that build knows which companions it wants.
FREE = "torch"
COMPANIONS = re.compile(r"(nvidia|cuda)-|triton$")

LOCK_HEAD = """\
# Every package of the environment. Written by `python envs/update_lock.py`; do not edit.
# Hashes: all files of a release. Only torch has none (see envs/README.md): envs/install.sh installs
# it first. Markers and wheels cover Python 3.11-3.13; tested: 3.11 on Linux.
"""

CONDA_HEAD = """\
# Conda environment for clusters. Written by `python envs/update_lock.py`; do not edit.
# UNTESTED: no conda channel was reachable where this was written. The versions are those of
# requirements.lock; one that a channel lacks has to be loosened by hand.
#     conda env create -f envs/umklapp.yaml && conda activate umklapp && pip install --no-deps -e .
"""
# What conda should deliver (conda's name -> ours): compiled packages, so that GPAW comes with the
# channel's libxc, BLAS and MPI. Everything else in pyproject.toml goes through pip.
CONDA_NAMES = {
    "pip": "pip",
    "pytorch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "pandas": "pandas",
    "h5py": "h5py",
    "pyyaml": "pyyaml",
    "pydantic": "pydantic",
    "matplotlib-base": "matplotlib",
    "ase": "ase",
    "spglib": "spglib",
    "phonopy": "phonopy",
    "phono3py": "phono3py",
    "symfc": "symfc",
    "matscipy": "matscipy",
    "gpaw": "gpaw",
    "gpaw-data": "gpaw-data",
    "snakemake-minimal": "snakemake",
    "snakemake-executor-plugin-slurm": "snakemake-executor-plugin-slurm",
}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise ValueError(f"not a requirement: {requirement!r}")
    return normalised(match[0])


def direct_dependencies() -> list[str]:
    """Names in pyproject.toml that the workflow needs at run time."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return [requirement_name(line) for line in project["dependencies"]]


def wanted() -> set[str]:
    """Every name that pyproject.toml and requirements.in ask for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = list(project["dependencies"])
    for group in project["optional-dependencies"].values():
        lines += group
    lines += (ROOT / "envs" / "requirements.in").read_text().splitlines()
    return {requirement_name(line) for line in lines if line.strip() and not line.startswith("#")}


def pins(lock: str) -> dict[str, str]:
    """Name -> version of every entry of a lock."""
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE))


def resolve(upgrade: bool) -> str:
    """Let uv resolve for all supported Pythons and platforms; all files' hashes."""
    with tempfile.TemporaryDirectory() as scratch:
        venv.create(Path(scratch) / "venv", with_pip=True)
        tools = Path(scratch) / "venv" / "bin"
        subprocess.run([tools / "python", "-m", "pip", "install", "--quiet", UV], check=True)
        output = Path(scratch) / "lock"
        if LOCK.exists() and not upgrade:
            output.write_text(LOCK.read_text())
        command = f"{tools}/uv pip compile --quiet --universal --python-version {OLDEST_PYTHON}"
        command += " --generate-hashes --no-header --no-annotate --extra dev"
        command += f" pyproject.toml envs/requirements.in -o {output}"
        subprocess.run(command.split(), check=True, cwd=ROOT)
        return output.read_text()


def tidied(resolved: str) -> str:
    """Without torch's hashes, its CUDA companions, and what only Windows needs."""
    entries = re.findall(r"^\S.*\n(?:[ \t].*\n)*", resolved, flags=re.MULTILINE)
    kept = []
    for entry in entries:
        name = requirement_name(entry)
        head = entry.splitlines()[0].removesuffix("\\").rstrip()
        if COMPANIONS.match(name) or "sys_platform == 'win32'" in head:
            continue
        kept.append(f"{head}\n" if name == FREE else entry)
    return LOCK_HEAD + "".join(kept)


def conda_environment(lock: str) -> str:
    """The conda recipe with the lock's versions."""
    version = pins(lock)
    by_pip = [name for name in direct_dependencies() if name not in CONDA_NAMES.values()]
    lines = [
        "name: umklapp",
        "channels: [conda-forge, bioconda]",
        "dependencies:",
        f"  - python={OLDEST_PYTHON}",
        "  - make",
        *(f"  - {name}={version[ours]}" for name, ours in CONDA_NAMES.items()),
        "  - pip:",
        *(f"      - {name}=={version[name]}" for name in by_pip),
    ]
    return CONDA_HEAD + "\n".join(lines) + "\n"


def problems() -> list[str]:
    """Where the committed files disagree."""
    lock = LOCK.read_text()
    missing = wanted() - pins(lock).keys()
    found = [f"{name}: asked for, but not in {LOCK.name}" for name in sorted(missing)]
    if not missing and CONDA.read_text() != conda_environment(lock):
        found.append(f"{CONDA.name} differs from what {LOCK.name} gives")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions")
    parser.add_argument("--check", action="store_true", help="write nothing, work offline")
    choice = parser.parse_args()
    if not choice.check:
        lock = tidied(resolve(choice.upgrade))
        LOCK.write_text(lock)
        CONDA.write_text(conda_environment(lock))
        print(f"{LOCK.name}: {len(pins(lock))} packages")
    found = problems()
    for line in found:
        print(f"{line}; run: python envs/update_lock.py", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
