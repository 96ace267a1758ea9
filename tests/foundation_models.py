"""Shipped configurations that name published weights, with those beside the repository."""

from pathlib import Path

import pytest

from umklapp import config
from umklapp.errors import InputError
from umklapp.potentials import foundation


def published(path: Path, shared: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the weights that a configuration names where nequix looks for them, in another home."""
    if "package: nequix" not in "".join(
        line.partition("#")[0] for line in path.read_text().splitlines()
    ):
        return
    try:
        foundation.interpreter(config.NequixModel())
    except InputError:
        pytest.skip("nequix is not installed here: make foundation-env")
    weights = shared / "data/foundation/nequix-oam-1-pft.nqx"
    if not weights.exists():
        pytest.skip(f"{weights} is not on this machine, and tests download nothing")
    cache = home / ".cache/nequix/models"
    cache.mkdir(parents=True)
    (cache / weights.name).symlink_to(weights)
    monkeypatch.setenv("HOME", str(home))
