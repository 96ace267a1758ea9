"""Frames that the stop rule has labelled: some correct the foundation model, some test it.

κ is tested by frames of the kind that corrects it, not by thermal ones: what a potential lacks of
the fifth order and above is as large in a thermal frame as what moves κ, and drowns it.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from ase import Atoms

from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin, mark
from umklapp.lattice import harmonic_reference
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import Potential
from umklapp.transport.audit import drawing, predictions
from umklapp.transport.audit.predictions import Prediction

CORRECTION = Origin(kind="other", text="stop rule, correction")
CHECK = Origin(kind="other", text="stop rule, check")
AUDIT = Origin(kind="other", text="stop rule, audit")


def rattled(
    perfect: Atoms, count: int, length: float, generator: np.random.Generator
) -> list[Atoms]:
    """Supercells in which every atom is displaced by `length` (Å) in a random direction.

    As in the symfc fit of the baseline, and as in the benchmark of the correction (panel.csv).
    """
    drawn = []
    for _ in range(count):
        directions = generator.normal(size=(len(perfect), 3))
        atoms = perfect.copy()
        atoms.positions += length * directions / np.linalg.norm(directions, axis=1)[:, None]
        drawn.append(atoms)
    return drawn


def thermal(
    model: Potential,
    cells: tuple[Atoms, Atoms],
    temperature: float,
    count: int,
    displacement: float,
    generator: np.random.Generator,
) -> tuple[list[Atoms], list[Prediction]]:
    """Frames of the corrected model's own quantum harmonic crystal, and what it says of them.

    All of one ensemble, so that a few frames have an upper limit of the error: thermal cells and
    cells with two displaced atoms have errors of different sizes by nature.

    Args:
        model: corrected. cells: primitive cell and phonon supercell. temperature: K.
        displacement: of the finite displacements behind its force constants (Å).
    """
    primitive, perfect = cells
    constants = harmonic_reference.of_potential(model, primitive, perfect, displacement)
    harmonic = harmonic_reference.HarmonicReference(perfect, constants, "corrected model")
    drawn = drawing.thermal(perfect, constants, temperature, count, generator)
    committee = Committee([model])
    said = predictions.predict(drawn, committee, committee, harmonic)
    return [frame.atoms for frame in drawn], said


def asked(drawn: Iterable[Atoms], material: str, origin: Origin) -> list[Atoms]:
    """The frames as they are sent to the engine, each with where it is from."""
    sent = []
    for atoms in drawn:
        copy = atoms.copy()
        mark(copy, material=material, origin=origin)
        sent.append(frames.strip(copy))
    return sent
