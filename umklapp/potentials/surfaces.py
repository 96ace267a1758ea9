"""Cheap potential-energy surfaces, and whether one can stand in for a crystal's reference."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.calculators.calculator import Calculator

from umklapp.config import AseCalculator, CalculatorSurface, CheckpointSurface, XtbSurface
from umklapp.errors import InputError
from umklapp.potentials import loading
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.contract import Potential, Prediction
from umklapp.reference.ase import AseEngine

SHIFT = 0.01
"""Å; finite displacement of the check that forces are the gradient of the energy."""

MISMATCH = 0.05
"""Relative difference between both sides of that check from which units must be wrong."""


def create(settings: CalculatorSurface | XtbSurface | CheckpointSurface) -> Potential:
    """The potential that a `surface` section names.

    Raises:
        InputError: calculator, package or file are missing; the remedy is named.
    """
    if isinstance(settings, CheckpointSurface):
        if not settings.path.exists():
            raise InputError(f"surface.path: {settings.path} does not exist")
        return loading.load(settings.path, "cpu")  # its job asks for no card
    if isinstance(settings, XtbSurface):
        return AsePotential(_tight_binding(settings))
    named = AseCalculator(calculator=settings.calculator, parameters=settings.parameters)
    try:
        calculator = AseEngine(named).fresh_calculator(Atoms(), Path(), attempt=1, symmetric=False)
    except InputError as error:
        raise InputError(str(error).replace("reference.", "surface.")) from None
    except Exception as error:  # constructors of other packages raise anything
        raise InputError(
            f"surface.calculator: {settings.calculator} with {settings.parameters} cannot be "
            f"made: {type(error).__name__}: {error}"
        ) from None
    return AsePotential(calculator)


def _tight_binding(settings: XtbSurface) -> Calculator:
    try:
        from tblite.ase import TBLite
    except ImportError as error:
        raise InputError(
            f"surface.kind is xtb, but tblite cannot be loaded ({error}): pip install tblite"
        ) from None
    return TBLite(
        method=settings.method,
        electronic_temperature=settings.electronic_temperature,
        max_iterations=settings.max_iterations,
        verbosity=0,
    )


def check(potential: Potential, perfect: Atoms, stress: bool, name: str = "surface") -> list[str]:
    """Try the surface on the perfect crystal, and its forces on a displaced one.

    The forces must be the gradient of the energy: that is where a wrong unit shows.

    Args:
        perfect: perfect supercell.
        stress: whether the dynamics needs a stress.
        name: key of the configuration, for messages.

    Returns:
        What should be known but does not stop anything, in words.

    Raises:
        InputError: the surface lacks a species, gives numbers that are not finite, no stress
            where one is needed, or forces that do not belong to its energy.
    """
    moved = perfect.copy()
    moved.positions += np.random.default_rng(0).normal(scale=0.05, size=moved.positions.shape)
    crystal, rattled = _try(potential, perfect, name), _try(potential, moved, name)
    forces = rattled.forces[0]
    direction = forces / max(float(np.linalg.norm(forces)), 1e-12)
    ends = []
    for sign in (1, -1):
        end = moved.copy()
        end.positions += sign * SHIFT * direction
        ends.append(float(_try(potential, end, name).energy[0]))
    slope, expected = (ends[1] - ends[0]) / (2 * SHIFT), float((forces * direction).sum())
    if not expected > 1e-4:
        raise InputError(
            f"{name}: displaced atoms of {perfect.symbols} feel no force ({expected:.1e} eV/Å): "
            "this surface has no interaction between these species"
        )
    if abs(slope - expected) > MISMATCH * expected:
        raise InputError(
            f"{name}: the energy falls by {slope:.4g} eV/Å along the forces, which say "
            f"{expected:.4g} eV/Å: energy in eV and forces in eV/Å are needed, and conservative"
        )
    has_stress = np.isfinite(crystal.stress).all()
    if stress and not has_stress:
        raise InputError(f"{name}: it has no stress: set ensemble to 'nvt'")
    pressure = -float(crystal.stress[0, :3].mean()) / units.GPa if has_stress else 0.0
    if abs(pressure) > 10:
        return [
            f"the surface has {pressure:.0f} GPa in the perfect crystal: its own lattice constant "
            "is far away; consider strains or npt"
        ]
    return []


def _try(potential: Potential, atoms: Atoms, name: str) -> Prediction:
    try:
        prediction = potential.evaluate([atoms])
    except Exception as error:  # calculators raise anything for a species that they lack
        raise InputError(
            f"{name}: it cannot evaluate {atoms.symbols}: {type(error).__name__}: {error}; "
            "another surface or other parameters are needed"
        ) from None
    if not (np.isfinite(prediction.energy).all() and np.isfinite(prediction.forces[0]).all()):
        raise InputError(
            f"{name}: energy or forces of {atoms.symbols} are not finite: are the parameters those "
            "of these species?"
        )
    return prediction
