"""The teacher: a NequIP model of CuI that shows a real rare event, and what its own dynamics does.

    python benchmarks/cui_teacher.py train --trajectory ../shared/data/cui/CuI-216_md300K.extxyz.xz

It learns a 21 ps trajectory of zincblende CuI at 300 K in which a Cu atom hops 2.2 Å to an
interstitial at 7.9 ps and stays. From then on the *teacher* is the truth of a benchmark
(`verdicts.py`): its dynamics, measured here, says how often the event happens and how long it
lasts. See benchmarks/README.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.potentials.nequip import training

DATA = Path("benchmarks/data/cui_teacher")
MODEL = DATA / "teacher.ckpt"
TRAJECTORY = Path("../shared/data/cui/CuI-216_md300K.extxyz.xz")
SEED = 1
PERIOD, HELD = 60, 6
"""Of every 60 frames (2.9 ps) 6 validate, the next 6 test and 48 train: no split within 0.3 ps."""

SHIFT = 30
"""Frames by which the periods are shifted, so that the hop itself is in the training part."""

POTENTIAL = config.Potential(
    cutoff=5.0,
    features=[16, 12, 8],
    radial_width=32,
    training={
        "epochs": 70,
        "batch_size": 3,
        "learning_rate": 0.01,
        "patience": 70,
        "energy_weight": 10,
        "force_weight": 4,
        "stress_weight": 0,
    },
)


def trajectory(path: Path) -> list[Atoms]:
    """Labelled frames of the trajectory in order of time, with `time` (fs)."""
    return [
        frames.labelled(
            frame,
            frame.get_potential_energy(),
            frame.get_forces(),
            time=float(frame.info["time"]),
        )
        for frame in read(path, ":")
    ]


def split(labels: Sequence[Atoms]) -> tuple[list[Atoms], list[Atoms], list[Atoms]]:
    """Frames that train, validate and test, by stretches of time."""
    place = (np.arange(len(labels)) - SHIFT) % PERIOD
    chosen = (place >= 2 * HELD, place < HELD, (place >= HELD) & (place < 2 * HELD))
    train, validation, test = ([labels[n] for n in np.flatnonzero(each)] for each in chosen)
    return train, validation, test


def train(path: Path, scratch: Path) -> None:
    """Checkpoint and record of the teacher; an interrupted training goes on."""
    fit, validation, test = split(trajectory(path))
    result = training.train(fit, validation, POTENTIAL, SEED, MODEL, scratch)
    provenance.write_json(
        DATA / "training.json",
        provenance.record(
            trajectory=provenance.file_digest(path),
            frames={"train": len(fit), "validation": len(validation), "test": len(test)},
            seed=SEED,
            potential=POTENTIAL.model_dump(mode="json"),
            model=provenance.file_digest(MODEL),
            **asdict(result),
        ),
    )


def main() -> None:
    """One step of making the teacher."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("step", choices=["train"])
    parser.add_argument("--trajectory", type=Path, default=TRAJECTORY)
    parser.add_argument("--scratch", type=Path, default=Path("results/cui_teacher"))
    options = parser.parse_args()
    train(options.trajectory, options.scratch)


if __name__ == "__main__":
    main()
