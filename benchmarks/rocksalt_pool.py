"""Real DFT frames of six rock salts for `shared_model.py`: {Li, Na, K} × {Cl, Br} by GPAW.

The 8-atom cubes with the demo's settings at the lattice constant where their stress is zero:
thermal displacements (harmonic, 300 and 900 K) and random ones under strain, for a pool and, from
other random streams, for a test. Every species occurs in at least two crystals: a crystal that is
left out has no unknown species. (Fluorides are not among them: 300 eV are too few for F.) Killed,
it goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.learning.seeds import displaced
from umklapp.reference import create
from umklapp.reference.contract import Engine
from umklapp.reference.ledger import Ledger, label_frames

GUESS = {"NaCl": 5.58, "LiCl": 5.06, "NaBr": 5.92, "LiBr": 5.42, "KCl": 6.22, "KBr": 6.54}
"""Å; where the search for zero stress begins."""

THERMAL = {"pool": 12, "test": 6}
RATTLED = {"pool": 10, "test": 4}
TIMEOUT, SEED = 600.0, 5


def label(atoms: list[Atoms], engine: Engine, scratch: Path) -> list[Atoms]:
    """Labels from the ledger or the engine."""
    return label_frames(atoms, engine, Ledger(scratch / "ledger"), scratch / "gpaw", TIMEOUT)[0]


def cube(name: str, engine: Engine, scratch: Path) -> Atoms:
    """The cube of 8 atoms without stress, by the secant rule on its pressure."""
    lengths, traces = [GUESS[name], 1.005 * GUESS[name]], []
    for step in range(4):
        atoms = bulk(name, "rocksalt", a=lengths[step], cubic=True)
        traces.append(label([atoms], engine, scratch)[0].get_stress()[:3].sum())
        if step:
            slope = (traces[step] - traces[step - 1]) / (lengths[step] - lengths[step - 1])
            lengths.append(round(lengths[step] - traces[step] / slope, 4))
            if abs(lengths[-1] - lengths[-2]) < 2e-3:
                break
    print(f"{name}: a = {lengths[-1]} Å", flush=True)
    return bulk(name, "rocksalt", a=lengths[-1], cubic=True)


def unlabelled(name: str, engine: Engine, scratch: Path) -> list[Atoms]:
    """Pool and test frames of one crystal, thermal and rattled ones in turn."""
    perfect, found = cube(name, engine, scratch), []
    frame_info.mark(perfect, material=f"{name}-225")
    for part in ("pool", "test"):
        seed = provenance.seed_for(SEED, name, part)
        thermal = displaced.harmonic(
            perfect,
            np.eye(3, dtype=int).tolist(),
            config.HarmonicSeed(count=THERMAL[part], temperatures=[300.0, 900.0]),
            engine,
            Ledger(scratch / "ledger"),
            scratch / "gpaw",
            TIMEOUT,
            seed % 10**6,
            Origin(kind="harmonic", seed=0),
        )
        hot = [atoms for atoms in thermal if not FrameInfo.of(atoms).origin.displaced]
        for atoms in hot:
            frame_info.mark(atoms, origin=f"{part} thermal")
        options = config.RattledSeed(count=RATTLED[part], amplitudes=[0.1, 0.2], strain=0.02)
        generator = provenance.generator(seed)
        found += [
            *hot,
            *displaced.rattled(perfect, options, generator, Origin.parse(f"{part} rattled")),
        ]
    return found


def main() -> None:
    """Label what is missing, crystal by crystal, and write all frames."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--scratch", type=Path, default=Path("results/rocksalt_pool"))
    options.add_argument("--out", type=Path, default=Path("benchmarks/data/rocksalts_gpaw.extxyz"))
    arguments = options.parse_args()
    engine = create(config.load(Path("config/demo.yaml")).reference)
    found: list[Atoms] = []
    for name in GUESS:
        found += label(unlabelled(name, engine, arguments.scratch), engine, arguments.scratch)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        frames.write_frames(arguments.out, found)
        print(f"{name}: {len(found)} frames in all", flush=True)


if __name__ == "__main__":
    main()
