"""Where a number comes from: versions, code state, seeds, and hashes of what was used."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = (
    "umklapp",
    "torch",
    "nequip",
    "ase",
    "phonopy",
    "phono3py",
    "symfc",
    "gpaw",
    "snakemake",
)


def digest(value: object, length: int = 12) -> str:
    """Short hash of any json-able value; equal values have equal hashes."""
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def file_digest(path: Path, length: int = 16) -> str:
    """Short hash of a file's bytes."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:length]


def file_digests(files: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    """Hashes of the inputs of a job by their names, without folders."""
    listed = {name: [paths] if isinstance(paths, str) else paths for name, paths in files.items()}
    return {
        name: [file_digest(Path(path)) for path in paths if Path(path).is_file()]
        for name, paths in listed.items()
    }


def seed_for(root: int, *parts: object) -> int:
    """Seed of one random stream: same root and parts, same seed; other parts, another stream."""
    return int(digest([root, *map(str, parts)], 8), 16)


def generator(root: int, *parts: object) -> np.random.Generator:
    """The random generator of one (material, round, purpose)."""
    return np.random.default_rng(seed_for(root, *parts))


def code_state() -> str:
    """Git commit of the code, with `+changes` and a digest of them where the tree differs.

    `unknown` without git. Changes on top of changes have another digest.
    """
    here = Path(__file__).resolve().parent
    try:
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        changes = _git(here, "diff", "HEAD")
        return commit + (f"+changes.{digest(changes, 6)}" if changes else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def installed(package: str) -> str | None:
    """Name and version of an installed package; None where it is not one."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return None


def record(**more: Any) -> dict[str, Any]:
    """Versions and code state, with what the caller adds (seed, settings, hashes)."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "code": code_state(), **more}
