"""A round of the tiny campaign with every other potential backend: one key of the configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from backends import needs, small
from test_campaign import MATERIAL, TINY, run, said

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    "backend", [pytest.param(name, marks=needs(name)) for name in ("allegro", "so3krates", "mace")]
)
def test_a_round_with_another_backend(backend: str, forks: None, tmp_path: Path) -> None:
    potential = small(backend, dtype="float32").model_dump(mode="json", exclude_defaults=True)
    potential["training"] |= {"epochs": 4, "repeats": 0}
    settings = {**TINY, "potential": potential, "rounds": {"max": 1, "force_error": 1e-4}}
    settings.pop("green_kubo")
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(settings))
    result = run(config, f"results/{MATERIAL}/round_00/assessment.json")
    assert result.returncode == 0, said(result)
    folder = tmp_path / f"results/{MATERIAL}/round_00"
    for member in range(2):
        record = json.loads((folder / f"member_{member}/training.json").read_text())
        assert record["potential"]["backend"] == backend
        assert record["epochs"] == 4
    engine = json.loads((tmp_path / "results/engines/1_species/engine.json").read_text())
    if backend == "allegro":
        assert engine["mode"] in ("compiled", "eager")  # eager where there is no compiler
    else:
        assert engine["reason"] == f"backend {backend} has no compiled graph"
    assert (folder / "labels/0.extxyz").exists()
    kappa = json.loads((folder / "conductivity/member_0.json").read_text())
    assert kappa["kappa_W_per_mK"] or kappa["not_computed"]  # a number, or the reason why not
