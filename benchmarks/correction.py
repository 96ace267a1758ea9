"""What labels in the phonon supercell are worth: κ of a finished campaign with and without them.

`python benchmarks/correction.py config/demo.yaml` prints κ(300 K) of the last committee of every
material as its members say it, as the Taylor correction makes it, and from the Taylor expansion of
the same labels alone. See docs/science.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from ase import Atoms

from umklapp import config
from umklapp.crystals import frames, materials
from umklapp.lattice import force_constants
from umklapp.potentials.contract import Potential
from umklapp.potentials.loading import load
from umklapp.potentials.taylor.correction import NoPotential, correct
from umklapp.transport import bte


def kappa(potential: Potential, primitive: Atoms, perfect: Atoms, campaign: config.Campaign) -> str:
    """κ(300 K) in W/(m K), or why there is none."""
    calculation = force_constants.prepare(primitive, perfect, campaign.phonons)
    force_constants.evaluate(calculation, potential, campaign.phonons)
    settings, gate = campaign.conductivity, campaign.phonons.imaginary
    found = bte.solve(calculation, settings, settings.mesh, gate)
    scalar = found.scalar()
    return (
        str(found.reason) if scalar is None else f"{scalar[settings.temperatures.index(300)]:.2f}"
    )


def main() -> None:
    """Print the comparison for every material of the campaign."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", type=Path)
    campaign = config.load(parser.parse_args().config)
    taylor = campaign.potential.taylor
    for material in materials.keys(campaign.materials):
        folder = Path(campaign.results) / material
        primitive = frames.read_candidates(folder / "structure/primitive.extxyz")[0]
        perfect = frames.read_candidates(folder / "structure/phonon.extxyz")[0]
        dataset = sorted(folder.glob("round_*/dataset.extxyz"))[-1]
        labels = frames.read_labels(dataset)
        cells = primitive, perfect, campaign
        for path in sorted(folder.glob("model/member_*.ckpt")):
            member = load(path)
            corrected, numbers = correct(member, labels, perfect, taylor)
            before = 1e3 * numbers["residual_before_eV_per_A"]
            after = 1e3 * numbers["residual_after_eV_per_A"]
            print(
                f"{material} {path.stem}: as it is {kappa(member, *cells)}, corrected "
                f"{kappa(corrected, *cells)}; residual force {before:.1f} -> {after:.1f} meV/Å",
                flush=True,
            )
        alone, numbers = correct(NoPotential(), labels, perfect, taylor)
        print(
            f"{material} expansion of {numbers['labels']:.0f} labels alone: {kappa(alone, *cells)}"
        )


if __name__ == "__main__":
    main()
