"""Which labels should correct κ: all of the phonon supercell, or those near the sites alone?

    python benchmarks/hot_labels.py results/rehearsals KBr-225 CuI-216 \
        --config benchmarks/rehearsals.yaml

κ needs derivatives at the sites. Thermal labels know effective ones, at displacements several times
those of finite differences. The script takes finished rehearsals, whose truth costs nothing: κ of
the reference model by finite differences in the same cell, on the same mesh. For labels up to some
rms displacement it prints κ(300 K) by the first member alone and corrected, and by the expansion
alone. See docs/foundation.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.paths import Material, Results
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Potential
from umklapp.potentials.foundation import FoundationPotential
from umklapp.potentials.taylor.correction import NoPotential, correct
from umklapp.potentials.taylor.model import displacements
from umklapp.transport import bte, kappa_budget

LIMITS = (np.inf, 0.12, 0.06)
"""Å; rms displacement of a frame."""


@dataclass(frozen=True)
class Crystal:
    """A material of a rehearsal at its end, and how its κ is computed."""

    files: Material
    campaign: config.Campaign

    def cell(self, path: str) -> Atoms:
        """The one structure of a file."""
        return frames.read_candidates(Path(path))[0]

    def kappa(self, potential: Potential) -> float:
        """κ(300 K) in W/(m K) by finite displacements; NaN where there is none."""
        phonons, settings = self.campaign.phonons, self.campaign.conductivity
        cells = self.cell(self.files.primitive), self.cell(self.files.phonon)
        born = BornRecord.read(Path(self.files.born))
        calculation = force_constants.prepare(*cells, phonons, born)
        force_constants.evaluate(calculation, potential, phonons)
        found = bte.solve(calculation, settings, settings.mesh, phonons.imaginary).scalar()
        return float("nan") if found is None else float(found[0])


def rows(crystal: Crystal) -> list[str]:
    """The truth, the member alone, and κ from the labels below every limit, in words."""
    files, campaign = crystal.files, crystal.campaign
    assert isinstance(campaign.reference, config.FoundationReference), "a rehearsal"
    perfect = crystal.cell(files.phonon)
    last = files.rounds_on_disk()[-1]
    labels = kappa_budget.at_sites(frames.read_labels(Path(last.dataset)), perfect)
    sizes = np.sqrt(np.mean(displacements(perfect, labels) ** 2, axis=(1, 2)))
    member = Committee.load([Path(files.final_model(0))], None)
    truth = crystal.kappa(FoundationPotential(campaign.reference.model))
    said = [f"{files.key}: truth {truth:.3g}, member alone {crystal.kappa(member):.3g} W/(m K)"]
    for limit in LIMITS:
        chosen = [label for label, size in zip(labels, sizes, strict=True) if size < limit]
        said.append(f"  {_words(limit, len(chosen))}: {_of(crystal, chosen, perfect, member)}")
    return said


def _words(limit: float, count: int) -> str:
    return f"{count} labels" + ("" if np.isinf(limit) else f" below {limit:g} Å")


def _of(crystal: Crystal, chosen: Sequence[Atoms], perfect: Atoms, member: Potential) -> str:
    said = []
    for name, potential in (("member corrected", member), ("expansion alone", NoPotential())):
        corrected, numbers = correct(potential, chosen, perfect, crystal.campaign.potential.taylor)
        noise = 1e3 * numbers["noise_eV_per_A"]
        said.append(f"{name} {crystal.kappa(corrected):.3g} (noise {noise:.2g} meV/Å)")
    return ", ".join(said)


def main() -> None:
    """Print the rows of every crystal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="results of rehearsals")
    parser.add_argument("materials", nargs="+", help="keys")
    parser.add_argument("--config", type=Path, required=True)
    arguments = parser.parse_args()
    campaign, results = config.load(arguments.config), Results(str(arguments.folder))
    for key in arguments.materials:
        print("\n".join(rows(Crystal(results.material(key), campaign))), flush=True)


if __name__ == "__main__":
    main()
