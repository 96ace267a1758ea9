"""Frames of `low_fidelity.py`: silicon, Stillinger–Weber as the cheap surface, GPAW's labels.

To learn from: rattled cells (what a campaign would start with), frames that a committee distilled
from heat–melt–quench dynamics of the cheap surface, and a random draw of the same pool. To test on:
independent runs in the solid, in strained cells, with a Frenkel pair and in the melt, and a melt
that GPAW's own dynamics has moved. Killed, it goes on where it was.
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
from umklapp.files import write_json
from umklapp.learning.seeds import aimd, displaced, distillation, low_fidelity
from umklapp.potentials import surfaces
from umklapp.reference import create
from umklapp.reference.ledger import Ledger, label_frames

CUBE = bulk("Si", a=5.431, cubic=True)
"""Eight atoms at the lattice constant of the cheap surface (PBEsol: 5.44 Å)."""
frame_info.mark(CUBE, material="Si-227")

REFERENCE = config.Gpaw(xc="PBEsol", ecut=250, kpoint_density=1.5, smearing=0.1)
"""2×2×2 k-points in every one of these cells; the smearing is for the metallic melt."""

SURFACE = {
    "kind": "calculator",
    "calculator": "umklapp.potentials.empirical:manybody",
    "parameters": {
        "form": "stillinger_weber",
        "parameters": "Stillinger_Weber_PRB_31_5262_Si",
    },
}
LEARNED, TESTED = 40, 12
"""Frames to learn from of each kind, and to test on."""

MOLTEN = 0.4
"""A frame below this order counts as molten (a gas of eight atoms has 0.25, the solid 0.9)."""

MELT = config.LowFidelitySeed(
    surface=SURFACE,
    count=LEARNED,
    replicas=8,
    temperatures=[300, 900, 1800, 3500, 2500, 1500, 600],
    steps=400,
    every=10,
    strains=[-0.04, 0.0, 0.04, 0.0],
    defects=["none", "frenkel"],
    distillation={"start": 10, "batch": 10},
)


def pool(folder: Path) -> list[Atoms]:
    """The cheap pool; it takes minutes and is kept."""
    cache = folder / "pool.extxyz"
    if not cache.exists():
        found = low_fidelity.sample(
            CUBE, surfaces.create(MELT.surface), MELT, provenance.generator(1, "pool"), "pool"
        )
        print(found.counts, found.ended)
        frames.write_frames(cache, found.frames)
    return frames.read_frames(cache)


def dynamics(name: str, seed: int, **changes: object) -> list[Atoms]:
    """Frames of an independent run on the cheap surface."""
    plain = {"surface": SURFACE, "count": 2, "replicas": 4, "distillation": None, **changes}
    settings = config.LowFidelitySeed.model_validate(plain)
    potential = surfaces.create(settings.surface)
    generator = provenance.generator(seed, name)
    return low_fidelity.sample(CUBE, potential, settings, generator, Origin.parse(name)).frames


def spread_out(found: list[Atoms], count: int = TESTED) -> list[Atoms]:
    """Evenly spaced frames of runs."""
    return [found[n] for n in np.linspace(0, len(found) - 1, count).round().astype(int)]


def candidates(folder: Path) -> dict[str, list[Atoms]]:
    """Unlabelled frames of every group, in the order in which they are labelled."""
    rattled = config.RattledSeed(count=LEARNED, amplitudes=[0.05, 0.1, 0.15], strain=0.03)
    strained = config.RattledSeed(count=TESTED, amplitudes=[0.08], strain=0.07)
    solid = dynamics("solid", 2, temperatures=[300, 900], steps=300, every=50)
    defect = dynamics("defect", 3, temperatures=[900], steps=200, every=40, defects=["frenkel"])
    sampled = pool(folder)
    kept = distillation.distil(sampled, MELT.distillation, LEARNED, 1, folder / "distil")
    write_json(folder / "distillation.json", {"history": kept.history})
    random = low_fidelity.draw(sampled, LEARNED, provenance.generator(1, "random"))
    return {
        "rattled": displaced.rattled(
            CUBE, rattled, np.random.default_rng(1), Origin.parse("rattled")
        ),
        "distilled": [sampled[n] for n in kept.order],
        "molten": melt(),
        "solid": spread_out(solid),
        "strained": displaced.rattled(
            CUBE, strained, np.random.default_rng(5), Origin.parse("strained")
        ),
        "defect": spread_out(defect),
        "random": [sampled[n] for n in random],
    }


def melt() -> list[Atoms]:
    """Cells at 2000 K that have lost their order; of so few atoms some freeze again."""
    found = []
    for seed in (4, 14, 24, 34):
        run = dynamics("molten", seed, temperatures=[4000, 2000], steps=500, every=50)
        last = spread_out([frame for frame in run if FrameInfo.of(frame).stage == 1])
        found += [frame for frame in last if FrameInfo.of(frame).order < MOLTEN]
        if len(found) >= TESTED:
            return found[:TESTED]
    raise RuntimeError(f"only {len(found)} molten frames were found")


def molten_by_gpaw(start: Atoms, seed: int, folder: Path) -> list[Atoms]:
    """A short run of GPAW's own melt from a cheap one: the last frames of it."""
    settings = config.AimdSeed(temperature=2000, timestep=3.0, friction=0.02, steps=36, every=4)
    engine = create(REFERENCE)
    where = folder / f"aimd_{seed}"
    where.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(folder / "ledger")
    origin = Origin.parse("molten (GPAW)")
    return aimd.run(frames.strip(start), engine, settings, seed, ledger, where, origin)[3:]


def main() -> None:
    """Label what is missing and write all frames."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scratch", type=Path, default=Path("results/lowfi_labels"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/data/si_lowfi_gpaw.extxyz"))
    options = parser.parse_args()
    engine, ledger = create(REFERENCE), Ledger(options.scratch / "ledger")
    found: list[Atoms] = []
    groups = candidates(options.scratch)
    for name, group in groups.items():
        bare = [Atoms(f.numbers, positions=f.positions, cell=f.cell, pbc=True) for f in group]
        for atoms in bare:
            frame_info.mark(atoms, material="Si-227", origin=name)
        labels, failures = label_frames(bare, engine, ledger, options.scratch / "work", 900)
        found += labels
        frames.write_frames(options.out, found)
        print(f"{name}: {len(labels)} labels, {len(failures)} failures", flush=True)
    for seed, start in enumerate(groups["molten"][::6]):
        found += molten_by_gpaw(start, seed, options.scratch)
        frames.write_frames(options.out, found)
    print(f"{len(found)} frames in {options.out}", flush=True)


if __name__ == "__main__":
    main()
