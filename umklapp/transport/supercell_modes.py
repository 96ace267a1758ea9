"""The modes of a supercell: phonons at the q-points whose waves fit into it, and what they hold.

Displacements and velocities of a supercell are projected on these modes. The energy of a mode is
E = 2 ω² |a|² with a = (u + i p/ω)/2 (Knoop et al., Phys. Rev. B 107, 224304 (2023)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units
from phonopy import Phonopy
from scipy import linalg

from umklapp.crystals import phonopy_cells
from umklapp.crystals.force_constant_arrays import as_blocks
from umklapp.errors import InputError
from umklapp.transport.qpoint_stars import SAME
from umklapp.transport.series import Procedure

TO_THZ = 1000 * units.fs / (2 * np.pi)
"""THz in one (eV/Å²/u)^½."""


CHUNK = 2000
"""Frames that are projected at once."""


@dataclass(frozen=True)
class Solution:
    """Phonons at some q-points, branches by ascending frequency.

    qpoints: (n_q, 3), of the reciprocal primitive cell; frequencies: (n_q, n_b) THz; velocities:
    (n_q, n_b, 3) Å/fs; eigenvectors: (n_q, n_b, n_b), [q, branch, atom and direction].
    """

    qpoints: np.ndarray
    frequencies: np.ndarray
    velocities: np.ndarray
    eigenvectors: np.ndarray

    def angular(self) -> np.ndarray:
        """ω in ASE's unit (eV/Å²/u)^½, zero for the acoustic modes at Γ, negative if imaginary."""
        omega = self.frequencies / TO_THZ
        return np.where(np.abs(omega) < _fourth(omega) * 1e-5, 0, omega)

    def inverse(self) -> np.ndarray:
        """1/ω in the inverse unit, zero for the acoustic modes at Γ."""
        omega = self.angular()
        moving = np.abs(omega) >= _fourth(omega) * 0.9
        return np.divide(1, omega, out=np.zeros_like(omega), where=moving)


@dataclass(frozen=True)
class Modes:
    """The modes of a supercell of N atoms, Γ first.

    solution: at the commensurate q-points; waves: (n_q, n_b, 3N) eigenvectors of the supercell,
    orthonormal; masses: (N,) u; rotations: (n_op, 3, 3) integer, of the primitive cell; phonon: for
    other q-points.
    """

    solution: Solution
    waves: np.ndarray
    masses: np.ndarray
    rotations: np.ndarray
    phonon: Phonopy


def _fourth(omega: np.ndarray) -> float:
    """Fourth smallest |ω|: the first that is no translation."""
    return float(np.partition(np.abs(omega).ravel(), 3)[3])


def solve(phonon: Phonopy, qpoints: np.ndarray, procedure: Procedure = "umklapp") -> Solution:
    """Phonons at q-points (n_q, 3).

    Eigenvectors of degenerate modes are arbitrary: `vibes` takes what LAPACK gives, `umklapp` those
    that diagonalise one fixed matrix in each degenerate space, the same on all machines.
    """
    phonon.run_qpoints(qpoints, with_group_velocities=True)
    velocities = phonon.qpoints.group_velocities
    values, vectors = [], []
    for qpoint in qpoints:
        phonon.dynamical_matrix.run(qpoint)
        value, vector = np.linalg.eigh(phonon.dynamical_matrix.dynamical_matrix)
        values.append(value)
        vectors.append(vector if procedure == "vibes" else _fixed(value, vector))
    squared = np.array(values)
    return Solution(
        qpoints,
        np.sign(squared) * np.sqrt(np.abs(squared)) * TO_THZ,
        velocities / phonon.unit_conversion_factor * TO_THZ / 1000,
        np.array(vectors).transpose(0, 2, 1),
    )


def _fixed(values: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Eigenvectors in columns (n, n), those of degenerate spaces turned to those of diag(1 … n)."""
    fixed = vectors.copy()
    border = np.flatnonzero(np.diff(values) > 1e-6 * np.abs(values).max()) + 1
    for space in np.split(np.arange(len(values)), border):
        if len(space) > 1:
            inside = vectors[:, space]
            order = np.arange(1, len(values) + 1)[:, None]
            fixed[:, space] = inside @ np.linalg.eigh(inside.conj().T @ (order * inside))[1]
    return fixed


def commensurate(primitive: np.ndarray, supercell: np.ndarray) -> np.ndarray:
    """q-points whose waves fit into the supercell, (n_q, 3) in [−½, ½), by length, Γ first.

    Args:
        primitive, supercell: (3, 3) Å, rows are vectors.
    """
    matrix = np.rint(supercell @ np.linalg.inv(primitive)).astype(int)
    largest = int(np.abs(matrix).sum())
    count = np.arange(-largest, largest + 1)
    steps = np.stack(np.meshgrid(count, count, count, indexing="ij"), axis=-1).reshape(-1, 3)
    first, second, third = np.linalg.inv(supercell).T
    places = steps[:, :1] * first + steps[:, 1:2] * second + steps[:, 2:] * third
    points = places @ primitive.T
    inside = ((points > -0.5 - SAME) & (points < 0.5 - SAME)).all(axis=1)
    # shifts break most ties between points of the same length, as FHI-vibes does; rounding decides
    # the others, so the arithmetic is that of FHI-vibes too
    shifted = places[inside] + np.array([0, 2 * SAME, 4 * SAME])
    lengths = [linalg.norm(place) for place in shifted]
    return np.asarray(points[inside][np.argsort(lengths, kind="stable")].round(14))


def build_modes(
    primitive: Atoms,
    supercell: Atoms,
    force_constants: np.ndarray,
    procedure: Procedure = "umklapp",
    eigenvectors: np.ndarray | None = None,
) -> Modes:
    """Modes of a supercell.

    Args:
        primitive: its cell, masses and symmetry.
        supercell: N undisplaced atoms in phonopy's order.
        force_constants: (n_primitive, N, 3, 3), (N, N, 3, 3) or (3N, 3N) eV/Å².
        eigenvectors: (n_q, n_b, n_b), of another program, for a comparison to the last digit: in
            degenerate spaces every program and machine has its own.

    Raises:
        InputError: the supercell is not one, or the force constants are not of it.
    """
    atoms = len(supercell)
    weighted = primitive.copy()
    weighted.set_masses(primitive.get_masses())  # ASE's; phonopy's own differ in the last digits
    phonon = phonopy_cells.harmonic_calculation(weighted, supercell)
    if not np.allclose(phonon.supercell.masses, supercell.get_masses()):
        raise InputError("lifetimes: the atoms of supercell and primitive cell have other masses")
    constants = np.asarray(force_constants)
    if constants.shape == (3 * atoms, 3 * atoms):
        constants = as_blocks(constants)
    if constants.shape not in ((atoms, atoms, 3, 3), (len(primitive), atoms, 3, 3)):
        raise InputError(
            f"lifetimes: force constants of shape {np.shape(force_constants)} are not those of "
            f"{atoms} atoms with {len(primitive)} in the primitive cell"
        )
    phonon.force_constants = constants
    qpoints = commensurate(primitive.cell.array, supercell.cell.array)
    solution = solve(phonon, qpoints, procedure)
    if eigenvectors is not None:
        if np.shape(eigenvectors) != solution.eigenvectors.shape:
            raise InputError(
                f"lifetimes: eigenvectors of shape {np.shape(eigenvectors)}, "
                f"{solution.eigenvectors.shape} are needed"
            )
        solution = replace(solution, eigenvectors=np.asarray(eigenvectors))
    phases = np.exp(2j * np.pi * qpoints @ np.linalg.inv(primitive.cell).T @ supercell.positions.T)
    parts = solution.eigenvectors.reshape(*solution.eigenvectors.shape[:2], -1, 3)
    cells = phonon.supercell.s2u_map
    inside = [phonon.supercell.u2u_map[index] for index in cells]
    waves = parts[:, :, inside] * phases[:, None, :, None] / np.sqrt(len(qpoints))
    return Modes(
        solution,
        waves.reshape(len(qpoints), -1, 3 * atoms),
        supercell.get_masses(),
        phonon.primitive_symmetry.symmetry_operations["rotations"],
        phonon,
    )


def project(vectors: np.ndarray, modes: Modes, backwards: bool = False) -> Iterator[np.ndarray]:
    """Mode coordinates Σ_I √m_I e*_I·x_I chunk by chunk, (≤ CHUNK, n_q, n_b) complex, √u × unit.

    Args:
        vectors: (n, N, 3), displacements or velocities.
        modes: to project on.
        backwards: project on the waves themselves instead of their conjugates.
    """
    shape = modes.waves.shape[:2]
    basis = modes.waves.reshape(-1, modes.waves.shape[2]).T
    basis = basis if backwards else basis.conj()
    for first in range(0, len(vectors), CHUNK):
        weighted = vectors[first : first + CHUNK] * np.sqrt(modes.masses)[:, None]
        yield (weighted.reshape(len(weighted), -1) @ basis).reshape(-1, *shape)


def mode_energies(
    displacements: np.ndarray, velocities: np.ndarray, modes: Modes, backwards: bool = False
) -> np.ndarray:
    """Energy of each mode, (n, n_q, n_b) eV; zero for translations.

    Within a degenerate space they depend on the choice of eigenvectors
    (`degenerate_modes.mode_energies` do not). Arguments and errors as `mode_coordinates`.
    """
    omega = modes.solution.angular()
    coordinates = mode_coordinates(displacements, velocities, modes, backwards)
    return np.asarray(2 * np.abs(coordinates) ** 2 * np.sign(omega) * omega**2)


def mode_coordinates(
    displacements: np.ndarray, velocities: np.ndarray, modes: Modes, backwards: bool = False
) -> np.ndarray:
    """a = (u + i p/ω)/2 of each mode, (n, n_q, n_b) complex Å √u; u/2 for translations.

    Args:
        displacements: (n, N, 3) Å from the sites of the supercell. velocities: (n, N, 3) Å/fs.
        modes: of the supercell.
        backwards: of the wave that travels along −q, which is what FHI-vibes names q.

    Raises:
        InputError: another number of atoms or frames.
    """
    wanted = (len(displacements), len(modes.masses), 3)
    if np.shape(displacements) != wanted or np.shape(velocities) != wanted:
        raise InputError(
            f"mode energies: displacements of shape {np.shape(displacements)} and velocities of "
            f"{np.shape(velocities)} are not those of {len(modes.masses)} atoms"
        )
    inverse = modes.solution.inverse()
    parts = zip(
        project(displacements, modes, backwards),
        project(velocities / units.fs, modes, backwards),
        strict=True,
    )
    return np.concatenate([(u + 1j * inverse * p) / 2 for u, p in parts])
