"""What labels near a collapse cost the crystal: errors of one member, with and without them.

    python benchmarks/loud_frames.py

Frames of the exact 600 K dynamics of the double-well crystal (16 atoms, the seeds of its
campaign), alone and with 12 frames whose atoms are displaced by 0.25 Å, far above its energies.
One member per power of `potential.training.quiet_frames`; rms force errors along the later
dynamics. About 4 CPU minutes. See docs/training.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from ase import Atoms

from umklapp import config
from umklapp.campaign import testbed_campaign
from umklapp.crystals import frames
from umklapp.potentials.loading import load
from umklapp.potentials.nequip.training import train

LOUD, AMPLITUDE = 12, 0.25
"""Frames, and the standard deviation (Å) of their displacements."""


def loud_frames(seeds: list[Atoms]) -> list[Atoms]:
    """Labelled frames far above the crystal's energies."""
    generator, potential = np.random.default_rng(3), testbed_campaign.truth("missed")
    made = []
    for seed in seeds[:LOUD]:
        atoms = frames.strip(seed)
        atoms.positions += generator.normal(scale=AMPLITUDE, size=atoms.positions.shape)
        atoms.calc = potential
        made.append(
            frames.labelled(atoms, atoms.get_potential_energy(), atoms.get_forces(), origin="loud")
        )
    return made


def rms_force(labels: list[Atoms]) -> float:
    """Median over the frames of the rms force component, eV/Å."""
    return float(np.median([np.sqrt((frame.get_forces() ** 2).mean()) for frame in labels]))


def main() -> None:
    """Train the members and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/loud_frames.csv"))
    options = parser.parse_args()
    rows = []
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        path = testbed_campaign.write_campaign("missed", folder, steps=16000, seed=11)
        potential = config.load(path).potential
        seeds = frames.read_labels(folder / "missed_seeds.extxyz")
        unseen = frames.read_labels(folder / "missed_reference.extxyz")[len(seeds) :: 8]
        truth = np.array([frame.get_forces() for frame in unseen])
        loud = loud_frames(seeds)
        print(f"rms force {rms_force(seeds):.2f}, of the loud frames {rms_force(loud):.2f} eV/Å")
        for power in (0.0, 0.5, 1.0):
            training = potential.training.model_copy(update={"quiet_frames": power})
            settings = potential.model_copy(update={"training": training})
            for extra in ([], loud):
                out = folder / f"{power}_{len(extra)}.ckpt"
                learned = [*(frame for n, frame in enumerate(seeds) if n % 6), *extra]
                train(learned, seeds[::6], settings, 7, out, out.with_suffix(""))
                forces = np.array(load(out).evaluate([frames.strip(f) for f in unseen]).forces)
                error = 1e3 * float(np.sqrt(np.mean((forces - truth) ** 2)))
                rows.append({"power": power, "loud": len(extra), "rmse_meV_per_A": round(error, 1)})
                print(rows[-1], flush=True)
    pd.DataFrame(rows).to_csv(options.out, index=False)


if __name__ == "__main__":
    main()
