"""One elastic tensor from stresses under small strains, the ions relaxed at each.

Lagrangian strains η are applied as pure stretches F = √(1 + 2η), and the Cauchy stress σ comes back
as the second Piola–Kirchhoff stress t = det(F) F⁻¹ σ F⁻ᵀ = ∂E/∂η / V: its slope is C = ∂²E/∂η∂η / V
with all its symmetries, also under a residual stress (Wallace, Thermodynamics of Crystals, 1972).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.optimize import BFGS
from ase.units import GPa

from umklapp.crystals import frame_info
from umklapp.errors import CalculationError
from umklapp.lattice.elastic import moduli, tensor
from umklapp.lattice.elastic.record import Curvature, TensorNumbers
from umklapp.lattice.elastic.symmetry import PointGroup, point_group

log = logging.getLogger(__name__)

MAX_STEPS = 200


@dataclass(frozen=True)
class Measurement:
    """A tensor, and what tells how far to trust it. Voigt order; GPa.

    stiffness: C (6, 6) in the Cartesian axes of the cell. standard: the same in the standard
    setting. residual: stress (6,) of the unstrained cell. fit_error: largest deviation of a slope
    at one amplitude from the fit over all (None with one amplitude). asymmetry: largest |C − Cᵀ|
    before C was made symmetric. curvature: per direction, ∂²E/∂η² / V from stresses and from
    energies. largest_force: eV/Å that the relaxations have left. evaluations: of the calculator.
    """

    group: PointGroup
    stiffness: np.ndarray
    standard: np.ndarray
    residual: np.ndarray
    fit_error: float | None
    asymmetry: float
    curvature: tuple[tuple[float, float], ...]
    largest_force: float
    evaluations: int

    def numbers(self) -> TensorNumbers:
        """What is kept of it, with moduli and stability."""
        return TensorNumbers(
            space_group=self.group.space_group,
            laue_class=self.group.laue,
            independent_constants=self.group.independent,
            C_GPa=self.stiffness.tolist(),
            C_standard_GPa=self.standard.tolist(),
            to_standard=self.group.standard.tolist(),
            **dict(moduli.averages(self.stiffness)),
            **dict(moduli.stability(self.stiffness, self.residual)),
            residual_stress_GPa=self.residual.tolist(),
            fit_error_GPa=self.fit_error,
            asymmetry_GPa=self.asymmetry,
            curvature_GPa=[
                Curvature(from_stress=stress, from_energy=energy)
                for stress, energy in self.curvature
            ],
            largest_force_eV_per_A=self.largest_force,
            evaluations=self.evaluations,
        )


def stretch(strain: np.ndarray) -> np.ndarray:
    """F = √(1 + 2η) (3, 3) of a Lagrangian strain η (3, 3): symmetric, so without rotation."""
    values, axes = np.linalg.eigh(np.eye(3) + 2 * strain)
    return np.asarray((axes * np.sqrt(values)) @ axes.T)


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """Copy of a cell under a Lagrangian strain (3, 3), its ions carried along."""
    copy: Atoms = atoms.copy()
    copy.set_cell(atoms.cell.array @ stretch(strain), scale_atoms=True)
    return copy


def piola(stress: np.ndarray, strain: np.ndarray) -> np.ndarray:
    """Second Piola–Kirchhoff stress (3, 3) of a Cauchy stress under a Lagrangian strain (3, 3)."""
    deformation = stretch(strain)
    inverse = np.linalg.inv(deformation)
    return np.asarray(np.linalg.det(deformation) * inverse @ stress @ inverse)


def measure(
    atoms: Atoms,
    calculator: Calculator,
    amplitudes: Sequence[float],
    fmax: float,
) -> Measurement:
    """Elastic constants of a crystal from its stresses under ± strains.

    Only strains that symmetry does not give are applied. Per direction the antisymmetric part of
    t(±δ) is fitted by a line through the origin over all amplitudes δ.

    Args:
        atoms: a cell at rest; its ions are relaxed, its lattice is taken as it is.
        calculator: energy, forces and stress.
        amplitudes: norms of the strains, √Σ η_ij².
        fmax: eV/Å, where the relaxation of the ions ends.

    Raises:
        InputError: see `symmetry.point_group`.
        CalculationError: ions that do not come to rest, no stress, or no label.
    """
    group = point_group(atoms)
    bench = _Bench(atoms, calculator, fmax)
    rest = bench.probe(np.zeros((3, 3)), atoms.positions)
    slopes, errors, curvature = [], [], []
    directions = group.directions()
    for strain_index, direction in enumerate(directions):
        response, energies = bench.series(direction, amplitudes, rest)
        sizes = np.array(amplitudes)
        slope = sizes @ response / (sizes @ sizes)
        errors.append(np.abs(response / sizes[:, None] - slope).max())
        work = 2 * (sizes**2 @ energies) / (sizes**2 @ sizes**2) / atoms.cell.volume
        curvature.append((float(direction @ slope / GPa), float(work / GPa)))
        slopes.append(slope)
        log.info(
            f"strain {strain_index + 1}/{len(directions)}: {curvature[-1][0]:.2f} GPa along it"
        )
    raw = group.fit(directions, np.array(slopes)) / GPa
    stiffness = group.symmetrise(raw)
    return Measurement(
        group=group,
        stiffness=_clean(stiffness),
        standard=_clean(tensor.rotate(stiffness, group.standard)),
        residual=rest.stress / tensor.SCALE / GPa,
        fit_error=float(max(errors) / GPa) if len(amplitudes) > 1 else None,
        asymmetry=float(np.abs(raw - raw.T).max()),
        curvature=tuple(curvature),
        largest_force=bench.largest_force,
        evaluations=bench.evaluations,
    )


def _clean(stiffness: np.ndarray) -> np.ndarray:
    return np.asarray(tensor.to_voigt(stiffness).round(9) + 0.0)


@dataclass(frozen=True)
class _Probe:
    """A strained crystal at rest: energy (eV), t as a Mandel vector (eV/Å³), where its ions are."""

    energy: float
    stress: np.ndarray
    positions: np.ndarray


class _Bench:
    """Strains a crystal and lets its ions come to rest."""

    def __init__(self, atoms: Atoms, calculator: Calculator, fmax: float) -> None:
        self.atoms = Atoms(atoms.numbers, cell=atoms.cell, positions=atoms.positions, pbc=True)
        frame_info.inherit(self.atoms, atoms)
        self.calculator, self.fmax = calculator, fmax
        self.largest_force, self.evaluations = 0.0, 0

    def probe(self, strain: np.ndarray, start: np.ndarray) -> _Probe:
        """Relax the ions under a Lagrangian strain (3, 3), from positions `start`."""
        atoms = strained(self.atoms, strain)
        atoms.positions = start
        atoms.calc = self.calculator
        optimiser = BFGS(atoms, logfile=None)
        done = optimiser.run(fmax=self.fmax, steps=MAX_STEPS)
        self.evaluations += optimiser.nsteps + 1
        force = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        if not done:
            raise CalculationError(
                f"the atoms do not relax under the strain {strain.round(5).tolist()}: the largest "
                f"force is {force:.2e} eV/Å after {MAX_STEPS} steps (wanted {self.fmax:g}). Raise "
                "elastic.fmax above the noise of the forces, or look at the phonons: an unstable "
                "crystal has no elastic constants"
            )
        self.largest_force = max(self.largest_force, force)
        stress = piola(atoms.get_stress(voigt=False), strain)
        return _Probe(atoms.get_potential_energy(), tensor.vector(stress), atoms.positions)

    def series(
        self, direction: np.ndarray, amplitudes: Sequence[float], rest: _Probe
    ) -> tuple[np.ndarray, np.ndarray]:
        """Antisymmetric stress (n, 6) and symmetric energy (n,) along one direction.

        Ions start where the strain before says that they go: their shift is linear in the strain.
        """
        response, energies = [], []
        shift = np.zeros_like(rest.positions)
        for size in amplitudes:
            ends = []
            for signed in (size, -size):
                strain = signed * tensor.matrix(direction)
                carried = rest.positions @ stretch(strain)
                ends.append(self.probe(strain, carried + signed * shift))
                shift = (ends[-1].positions - carried) / signed
            plus, minus = ends
            response.append((plus.stress - minus.stress) / 2)
            energies.append((plus.energy + minus.energy) / 2 - rest.energy)
        return np.array(response), np.array(energies)
