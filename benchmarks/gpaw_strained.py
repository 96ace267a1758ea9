"""Real DFT frames for `elastic.py`: strained and rattled rock salt by GPAW, with their stress.

Cubes of 8 atoms with the demo's settings; every strain component up to 2 %, displacements of
three amplitudes. Killed, it goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ase.build import bulk

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import displaced
from umklapp.reference import create
from umklapp.reference.ledger import Ledger, label_frames

LATTICE = 5.581
"""Å; relaxed by GPAW in the demo."""

POOLS = (("strained", 48, 1), ("strained test", 16, 2))
"""Origin, frames, seed."""

AMPLITUDES, STRAIN = [0.02, 0.05, 0.1], 0.02


def main() -> None:
    """Label what is missing and write all frames."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scratch", type=Path, default=Path("results/gpaw_strained"))
    options.add_argument(
        "--out", type=Path, default=Path("benchmarks/data/nacl_strained_gpaw.extxyz")
    )
    arguments = options.parse_args()
    engine = create(config.load(Path("config/demo.yaml")).reference)
    cube = bulk("NaCl", "rocksalt", a=LATTICE, cubic=True)
    frame_info.mark(cube, material="NaCl-225")
    found = []
    for name, count, seed in POOLS:
        settings = config.RattledSeed(count=count, amplitudes=AMPLITUDES, strain=STRAIN)
        made = displaced.rattled(
            cube, settings, provenance.generator(seed, name), Origin.parse(name)
        )
        ledger = Ledger(arguments.scratch / "ledger")
        labels, failures = label_frames(made, engine, ledger, arguments.scratch, 600)
        found += labels
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        frames.write_frames(arguments.out, found)
        print(f"{name}: {len(labels)} labels, {len(failures)} failures", flush=True)


if __name__ == "__main__":
    main()
