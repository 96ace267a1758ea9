"""Real DFT frames for `label_efficiency.py`: quiet and hot molecular dynamics of rock salt by GPAW.

Four Langevin runs of the 8-atom cube with the demo's settings: 300 K (what seeds know), 1000 K
(the pool), and both again from another seed (the test). Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ase.build import bulk

from umklapp import config
from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import aimd
from umklapp.reference import create
from umklapp.reference.ledger import Ledger

LATTICE = 5.581
"""Å; relaxed by GPAW in the demo."""

RUNS = (
    ("quiet", 300.0, 6.0, 60, 2, 1),
    ("hot", 1000.0, 5.0, 240, 2, 2),
    ("quiet test", 300.0, 6.0, 24, 2, 3),
    ("hot test", 1000.0, 5.0, 96, 2, 4),
)
"""Name, temperature (K), timestep (fs), steps, stride, seed."""


def main() -> None:
    """Run what is missing and write all frames."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scratch", type=Path, default=Path("results/gpaw_pool"))
    options.add_argument("--out", type=Path, default=Path("benchmarks/data/nacl_gpaw.extxyz"))
    arguments = options.parse_args()
    campaign = config.load(Path("config/demo.yaml"))
    engine = create(campaign.reference)
    cube = bulk("NaCl", "rocksalt", a=LATTICE, cubic=True)
    frame_info.mark(cube, material="NaCl-225")
    found = []
    for name, temperature, timestep, steps, every, seed in RUNS:
        settings = config.AimdSeed(
            temperature=temperature, timestep=timestep, friction=0.02, steps=steps, every=every
        )
        folder = arguments.scratch / name.replace(" ", "_")
        folder.mkdir(parents=True, exist_ok=True)
        ledger = Ledger(arguments.scratch / "ledger")
        found += aimd.run(cube, engine, settings, seed, ledger, folder, Origin.parse(name))
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        frames.write_frames(arguments.out, found)
        print(f"{name}: {len(found)} frames in all", flush=True)


if __name__ == "__main__":
    main()
