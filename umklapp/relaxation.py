"""Relaxing the primitive cell, space group kept: with the reference engine, or any calculator."""

from __future__ import annotations

from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from umklapp.errors import CalculationError
from umklapp.materials import space_group
from umklapp.reference.contract import Engine

MAX_STEPS = 60


def relax(
    primitive: Atoms, engine: Engine, workdir: Path, fmax: float, smax: float
) -> tuple[Atoms, dict[str, float]]:
    """Positions and cell at zero force and stress by the engine, as `relax_with`."""
    calculator = engine.calculator(primitive.copy(), workdir, symmetric=True)
    return relax_with(primitive, calculator, workdir, fmax, smax)


def relax_with(
    primitive: Atoms, calculator: Calculator, workdir: Path, fmax: float, smax: float
) -> tuple[Atoms, dict[str, float]]:
    """Positions and cell at zero force and stress, in the space group of the start.

    Args:
        primitive: starting cell.
        fmax: eV/Å. smax: eV/Å³.

    Returns:
        The relaxed cell, and numbers for the record (largest force, largest stress, steps).

    Raises:
        CalculationError: not relaxed after `MAX_STEPS`, or another space group than before.
    """
    atoms = primitive.copy()
    atoms.calc = calculator
    atoms.set_constraint(FixSymmetry(atoms))
    workdir.mkdir(parents=True, exist_ok=True)
    optimiser = BFGS(FrechetCellFilter(atoms), logfile=str(workdir / "relax.log"))
    for _ in optimiser.irun(fmax=0.0, steps=MAX_STEPS):
        force = float(abs(atoms.get_forces()).max())
        stress = float(abs(atoms.get_stress()).max())
        if force <= fmax and stress <= smax:
            break
    else:
        raise CalculationError(
            f"not relaxed after {MAX_STEPS} steps: force {force:.4f} eV/Å (limit {fmax}), "
            f"stress {stress:.5f} eV/Å³ (limit {smax}); see {workdir / 'relax.log'}"
        )
    relaxed = Atoms(atoms.numbers, cell=atoms.cell, positions=atoms.positions, pbc=True)
    relaxed.info.update(primitive.info)
    before, after = space_group(primitive), space_group(relaxed)
    if before != after:
        raise CalculationError(f"relaxation changed the space group from {before} to {after}")
    return relaxed, {"force_eV_per_A": force, "stress_eV_per_A3": stress, "steps": optimiser.nsteps}
