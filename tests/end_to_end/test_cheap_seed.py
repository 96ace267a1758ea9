"""A campaign whose seeds come from a cheaper surface, up to the members of the first round.

Kumagai's silicon is the cheap surface, Stillinger and Weber's the reference: two different
potentials with different energies, each with its own part.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from silicon import StillingerWeberSilicon
from test_campaign import MATERIAL, TINY, run, said

from umklapp import provenance
from umklapp.crystals import frames

pytestmark = pytest.mark.slow

CHEAP = {
    "kind": "low_fidelity",
    "surface": {
        "kind": "calculator",
        "calculator": "umklapp.potentials.empirical:manybody",
        "parameters": {"form": "kumagai", "parameters": "Kumagai_Comp_Mat_Sci_39_Si"},
    },
    "count": 10,
    "replicas": 2,
    "temperatures": [300, 3000, 600],
    "steps": 60,
    "every": 5,
    "defects": ["none", "frenkel"],
    "distillation": {
        "members": 2,
        "start": 4,
        "batch": 3,
        "potential": {
            "l_max": 0,
            "features": [4],
            "radial_width": 8,
            "training": {
                "epochs": 4,
                "repeats": 0,
                "stress_weight": 0,
                "warm_start": {"epochs": 2, "learning_rate": 0.01},
            },
        },
    },
    "pretrain": {"frames": 40, "epochs": 4},
}


@pytest.fixture(scope="module")
def campaign(forks: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign with both members of its first round trained."""
    folder = tmp_path_factory.mktemp("cheap")
    path = folder / "tiny.yaml"
    settings = {**TINY, "seeds": [TINY["seeds"][2], CHEAP]}
    path.write_text(yaml.safe_dump(settings))
    members = [f"results/{MATERIAL}/round_00/member_{k}/model.ckpt" for k in range(2)]
    result = run(path, *members)
    assert result.returncode == 0, said(result)
    return folder / f"results/{MATERIAL}"


def test_kept_frames_have_labels_of_the_reference_alone(campaign: Path) -> None:
    parts = [campaign / f"seeds/{name}.extxyz" for name in ("train", "calibration", "test")]
    labels = [frame for path in parts for frame in frames.read_frames(path)]
    cheap = [frame for frame in labels if frame.info["origin"] == "low_fidelity 1"]
    assert len(cheap) == 10
    assert len(labels) == 16
    pool = {
        f.info["frame_id"]: f for f in frames.read_frames(campaign / "low_fidelity/pool_1.extxyz")
    }
    assert len(pool) == 72
    for frame in cheap:
        bare = frames.strip(frame)
        bare.calc = StillingerWeberSilicon()
        np.testing.assert_allclose(frame.get_forces(), bare.get_forces(), atol=1e-6)
        away = pool[frame.info["frame_id"]].get_forces() - frame.get_forces()
        assert np.abs(away).max() > 0.01  # Kumagai's forces are others
    places = [frame.info["place"] for frame in cheap]
    assert places == sorted(places)  # in order of time, though they were labelled in two chunks


def test_the_choice_is_on_record(campaign: Path) -> None:
    record = json.loads((campaign / "low_fidelity/kept_1.json").read_text())
    assert [row["frames"] for row in record["history"]] == [4, 7, 10]
    assert record["frames"] == {"pool": 72, "kept": 10}
    assert json.loads((campaign / "low_fidelity/pool_1.json").read_text())["counts"]["made"] == 72


def test_members_start_from_the_cheap_surface(campaign: Path) -> None:
    """Every member has a start of its own, that it learned from the pool."""
    starts = [campaign / f"low_fidelity/member_{member}.ckpt" for member in range(2)]
    for member, start in enumerate(starts):
        record = json.loads((campaign / f"round_00/member_{member}/training.json").read_text())
        assert record["parent"] == provenance.file_digest(start)
        assert record["potential"]["training"]["learning_rate"] == 0.01  # half of the campaign's
        cheap = json.loads((campaign / f"low_fidelity/member_{member}.json").read_text())
        assert cheap["frames"]["train"] + cheap["frames"]["validation"] == 40
        assert cheap["frames"]["pool"] == 72
    assert starts[0].read_bytes() != starts[1].read_bytes()


def test_nothing_is_left_to_do(campaign: Path) -> None:
    config = campaign.parents[1] / "tiny.yaml"
    members = [f"results/{MATERIAL}/round_00/member_{k}/model.ckpt" for k in range(2)]
    assert "Nothing to be done" in said(run(config, *members))
