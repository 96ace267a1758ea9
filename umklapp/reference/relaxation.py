"""Relaxing the primitive cell, with the reference engine or any calculator; symmetry held."""

from __future__ import annotations

import logging
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from umklapp.crystals import frame_info
from umklapp.crystals.frame_info import FrameInfo
from umklapp.crystals.structure_record import Relaxation, SymmetryChange
from umklapp.crystals.symmetry import TOLERANCES, space_group
from umklapp.errors import CalculationError
from umklapp.files import storing
from umklapp.reference.contract import Engine

log = logging.getLogger(__name__)

MAX_STEPS = 60

TOLD_CHANGE, LARGEST_CHANGE = 0.1, 0.3
"""Relative change of the volume that is told, and that is an error."""


def relax(
    primitive: Atoms,
    engine: Engine,
    workdir: Path,
    fmax: float,
    smax: float,
    symmetry: str = "keep",
) -> tuple[Atoms, Relaxation]:
    """Positions and cell at zero force and stress by the engine, as `relax_with`."""
    calculator = engine.calculator(primitive.copy(), workdir, symmetric=True)
    return relax_with(primitive, calculator, workdir, fmax, smax, symmetry)


def relax_with(
    primitive: Atoms,
    calculator: Calculator,
    workdir: Path,
    fmax: float,
    smax: float,
    symmetry: str = "keep",
) -> tuple[Atoms, Relaxation]:
    """Positions and cell at zero force and stress, with the symmetry of the start held.

    Held symmetry cannot be broken on the way, but a cell may relax into a higher one (an
    orthorhombic perovskite into the cubic), and an engine's noise may leave a lower one.

    Args:
        primitive: starting cell.
        fmax: eV/Å. smax: eV/Å³.
        symmetry: `keep` makes another space group an error, `report` a line in log and record.

    Returns:
        The relaxed cell, and the record: largest force and stress, steps, and `symmetry` with
        the space groups before and after.

    Raises:
        CalculationError: not relaxed after `MAX_STEPS`, or another space group with `keep`,
            or a volume that changed by more than `LARGEST_CHANGE`.
        StorageError: the disk of `workdir` is full.
    """
    atoms = primitive.copy()
    atoms.calc = calculator
    atoms.set_constraint(FixSymmetry(atoms))
    written = workdir / "relax.log"
    with storing(written):
        workdir.mkdir(parents=True, exist_ok=True)
        optimiser = BFGS(FrechetCellFilter(atoms), logfile=str(written))
        for _ in optimiser.irun(fmax=0.0, steps=MAX_STEPS):
            force = float(abs(atoms.get_forces()).max())
            stress = float(abs(atoms.get_stress()).max())
            if force <= fmax and stress <= smax:
                break
        else:
            raise CalculationError(
                f"not relaxed after {MAX_STEPS} steps: force {force:.4f} eV/Å (limit {fmax}), "
                f"stress {stress:.5f} eV/Å³ (limit {smax}); see {written}"
            )
    relaxed = Atoms(atoms.numbers, cell=atoms.cell, positions=atoms.positions, pbc=True)
    frame_info.inherit(relaxed, primitive)
    compared = compare_symmetry(primitive, relaxed)
    if not compared.kept:
        if symmetry == "keep":
            raise CalculationError(
                f"{compared.text}. Set materials.symmetry to 'report' to go on with the relaxed "
                "cell, or check the structure that the relaxation starts from"
            )
        log.warning(compared.text)
    change = relaxed.cell.volume / primitive.cell.volume - 1
    if abs(change) > TOLD_CHANGE:
        said = (
            f"the volume changed by {100 * change:+.0f} %: check that the stress is converged "
            "(a plane-wave cutoff that is too low shrinks the cell), and the starting structure"
        )
        if abs(change) > LARGEST_CHANGE:
            raise CalculationError(f"relaxation: {said}")
        log.warning(said)
    return relaxed, Relaxation(
        force_eV_per_A=force,
        stress_eV_per_A3=stress,
        steps=optimiser.nsteps,
        volume_change=change,
        symmetry=compared,
    )


def compare_symmetry(before: Atoms, after: Atoms) -> SymmetryChange:
    """Space groups and numbers of atoms of two cells, in numbers and in words."""
    old, new = space_group(before), space_group(after)
    within = next(
        (tolerance for tolerance in TOLERANCES if space_group(after, tolerance) == old), None
    )
    kept = old == new and len(before) == len(after)
    text = f"space group {old}, {len(after)} atoms"
    if not kept:
        name = FrameInfo.of(after).material or after.symbols
        text = f"{name}: relaxation changed the space group from {old} to {new}"
        text += f" (within {within} Å it is still {old})" if within else ""
    return SymmetryChange(
        kept=kept, before=old, after=new, within_A=within, atoms=len(after), text=text
    )
