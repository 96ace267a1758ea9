"""κ of the demo's own DFT: the Taylor expansion of its labels, without any network.

    make demo
    python benchmarks/demo_truth.py results/demo

Prints κ(300 K) of the Taylor expansion of the rattled 64-atom seeds, of all seeds in that cell, of
these and the audit's labels, and of five further cells, displaced by 0.03 Å, which the demo's
engine labels here (3 CPU minutes each, kept in a ledger; none with `--count 0`). How far they agree
says how well DFT's κ is known. On 11×11×11 and on the demo's mesh. See docs/overview.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ase import Atoms

from umklapp import config, provenance, reference
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.learning.seeds.displaced import rattled
from umklapp.potentials.taylor.correction import NoPotential, correct, same_cell
from umklapp.reference.ledger import Ledger, label_frames
from umklapp.transport import bte
from umklapp.transport.kappa_records import ROOM

MATERIAL, AMPLITUDE = "NaCl-225", 0.03

COMMON = [11, 11, 11]
"""The q-mesh of most other values of this documentation."""


def labels_in(perfect: Atoms, folder: Path) -> list[Atoms]:
    """The labels of a folder that are in the cell of `perfect`."""
    return [
        label
        for path in sorted(folder.glob("*.extxyz"))
        for label in frames.read_labels(path)
        if same_cell(label, perfect)
    ]


def further(perfect: Atoms, campaign: config.Campaign, count: int, scratch: Path) -> list[Atoms]:
    """Labels of so many displaced cells.

    Raises:
        SystemExit: the engine failed.
    """
    seed = config.RattledSeed(count=count, amplitudes=[AMPLITUDE], strain=0.0)
    generator = provenance.generator(77, f"truth {AMPLITUDE}")
    asked = rattled(perfect, seed, generator, Origin(kind="rattled", seed=0))
    engine, ledger = reference.create(campaign.reference), Ledger(scratch / "ledger")
    labels, failures = label_frames(asked, engine, ledger, scratch / "work", 3600)
    if failures:
        raise SystemExit(failures[0].message)
    return labels


def main() -> None:
    """Print κ of every set of labels."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--config", type=Path, default=Path("config/demo.yaml"))
    parser.add_argument("--count", type=int, default=5)
    parser.add_argument("--scratch", type=Path, default=Path("results/demo_truth"))
    options = parser.parse_args()
    campaign, folder = config.load(options.config), options.results / MATERIAL
    primitive, perfect = (
        frames.read_candidates(folder / f"structure/{name}.extxyz")[0]
        for name in ("primitive", "phonon")
    )
    seeds = labels_in(perfect, folder / "seeds/labels")
    audit = [
        label
        for path in sorted(folder.glob("round_*/audit/labels"))
        for label in labels_in(perfect, path)
    ]
    groups = {
        "rattled seeds": [label for label in seeds if label.info["origin"].startswith("rattled")],
        "seeds": seeds,
        "seeds and audit": seeds + audit,
    }
    if options.count:
        groups["further"] = further(perfect, campaign, options.count, options.scratch)
    born = BornRecord.read(folder / "structure/born.json")
    phonons, conductivity = campaign.phonons, campaign.conductivity
    for name, labels in groups.items():
        expansion, numbers = correct(NoPotential(), labels, perfect, campaign.potential.taylor)
        calculation = force_constants.prepare(primitive, perfect, phonons, born)
        force_constants.evaluate(calculation, expansion, phonons)
        for mesh in (COMMON, list(conductivity.mesh)):
            solved = bte.solve(calculation, conductivity, mesh, phonons.imaginary)
            kappa = solved.scalar()
            value = (
                solved.reason if kappa is None else f"{kappa[solved.temperatures.index(ROOM)]:.2f}"
            )
            noise = 1e3 * numbers["noise_eV_per_A"]
            print(
                f"{name}: {len(labels)} labels, mesh {mesh}: κ {value} W/(m K), "
                f"noise {noise:.2f} meV/Å",
                flush=True,
            )


if __name__ == "__main__":
    main()
