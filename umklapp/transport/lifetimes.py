"""Phonon lifetimes from molecular dynamics: energies of the commensurate modes and how they decay.

Displacements and velocities of a supercell are projected on the modes whose wave fits into it. The
energy of a mode, E = 2 ω² |a|² with a = (u + i p/ω)/2, fluctuates; its normalised autocorrelation
decays as exp(−t/τ) (Knoop et al., Phys. Rev. B 107, 224304 (2023)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms, units
from phonopy import Phonopy
from scipy import fft, linalg, optimize

from umklapp.crystals import phonopy_cells
from umklapp.crystals.force_constant_arrays import as_blocks
from umklapp.errors import InputError
from umklapp.transport.green_kubo import Procedure, autocorrelation, timestep

TO_THZ = 1000 * units.fs / (2 * np.pi)
"""THz in one (eV/Å²/u)^½."""

SAME = 1e-5
"""Two reduced coordinates closer than this are one."""

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


@dataclass(frozen=True)
class Stars:
    """Which q-points are equivalent by symmetry.

    irreducible: (n_ir,) index of the first point of each star; of_point: (n_q,) star of each point;
    rotation: (n_q,) index of the operation W with q W = q_irreducible.
    """

    irreducible: np.ndarray
    of_point: np.ndarray
    rotation: np.ndarray


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
    found = vectors.copy()
    border = np.flatnonzero(np.diff(values) > 1e-6 * np.abs(values).max()) + 1
    for space in np.split(np.arange(len(values)), border):
        if len(space) > 1:
            inside = vectors[:, space]
            order = np.arange(1, len(values) + 1)[:, None]
            found[:, space] = inside @ np.linalg.eigh(inside.conj().T @ (order * inside))[1]
    return found


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
    number = len(supercell)
    weighted = primitive.copy()
    weighted.set_masses(primitive.get_masses())  # ASE's; phonopy's own differ in the last digits
    phonon = phonopy_cells.harmonic_calculation(weighted, supercell)
    if not np.allclose(phonon.supercell.masses, supercell.get_masses()):
        raise InputError("lifetimes: the atoms of supercell and primitive cell have other masses")
    constants = np.asarray(force_constants)
    if constants.shape == (3 * number, 3 * number):
        constants = as_blocks(constants)
    if constants.shape not in ((number, number, 3, 3), (len(primitive), number, 3, 3)):
        raise InputError(
            f"lifetimes: force constants of shape {np.shape(force_constants)} are not those of "
            f"{number} atoms with {len(primitive)} in the primitive cell"
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
        waves.reshape(len(qpoints), -1, 3 * number),
        supercell.get_masses(),
        phonon.primitive_symmetry.symmetry_operations["rotations"],
        phonon,
    )


def find_stars(
    qpoints: np.ndarray, rotations: np.ndarray, procedure: Procedure = "umklapp"
) -> Stars:
    """Group q-points by symmetry.

    `vibes` does not move rotated points by reciprocal lattice vectors and compares only points of
    the same length in reduced coordinates, as FHI-vibes does; it finds more, smaller stars.

    Args:
        qpoints: (n_q, 3). rotations: (n_op, 3, 3), integer, of the direct lattice.
    """
    images = np.einsum("qi,oij->oqj", qpoints, rotations)
    if procedure == "umklapp":
        images = (images + SAME) % 1 - SAME
        own = _codes((qpoints + SAME) % 1 - SAME)
    else:
        own = _codes(qpoints)
    codes = _codes(images)
    if procedure == "vibes":
        lengths = np.linalg.norm(images, axis=2) - np.linalg.norm(qpoints, axis=1)
        comparable = np.where(np.abs(lengths) < 1e-9, codes, np.iinfo(np.int64).max)
    else:
        comparable = codes
    _, first, star = np.unique(comparable.min(axis=0), return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    irreducible, of_point = first[order], rank[star]
    rotation = (codes == own[irreducible][of_point]).argmax(axis=0)
    return Stars(irreducible, of_point, rotation)


def _codes(points: np.ndarray) -> np.ndarray:
    """One integer per point (..., 3): equal where the points are, to about `SAME`."""
    # an irrational scale keeps fractions away from the borders between two integers
    parts = np.rint(points * np.sqrt(2) / SAME).astype(np.int64) + 2_000_000
    return np.asarray((parts[..., 0] * 4_000_000 + parts[..., 1]) * 4_000_000 + parts[..., 2])


def average_over_stars(values: np.ndarray, stars: Stars) -> np.ndarray:
    """Mean over equivalent q-points, (n_q, ...) to (n_q, ...); NaN if one of them is NaN."""
    means = np.array(
        [values[stars.of_point == k].mean(axis=0) for k in range(len(stars.irreducible))]
    )
    return np.asarray(means[stars.of_point])


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
    omega, inverse = modes.solution.angular(), modes.solution.inverse()
    squared = np.sign(omega) * omega**2
    parts = zip(
        project(displacements, modes, backwards),
        project(velocities / units.fs, modes, backwards),
        strict=True,
    )
    return np.concatenate([2 * np.abs((u + 1j * inverse * p) / 2) ** 2 * squared for u, p in parts])


def energy_correlations(energies: np.ndarray, procedure: Procedure = "umklapp") -> np.ndarray:
    """Normalised autocorrelations of the energy fluctuations of one run, as `energies`.

    The run's own mean and variance pull the correlations of a decay time τ down by a few τ/T in a
    run of length T, and lifetimes with them: `pooled_correlations` is better where there are
    several runs. `vibes` divides by n and applies the Hann window; zero for modes without energy.

    Args:
        energies: (n, n_q, n_b) eV.
    """
    change = energies - energies.mean(axis=0)
    size = change.std(axis=0)
    change = np.divide(change, size, out=np.zeros_like(change), where=size > 0)
    like_vibes = procedure == "vibes"
    return autocorrelation(change, biased=like_vibes, hann=like_vibes)


def pooled_correlations(runs: Sequence[np.ndarray], stars: Stars) -> np.ndarray:
    """Normalised energy autocorrelations of several runs of one length, (n, n_q, n_b).

    Means and correlations are those of all runs and symmetry-equivalent modes together. A run at
    constant energy has its own temperature: the common mean is scaled by it.

    Args:
        runs: energies (n, n_q, n_b) eV.
    """
    shortest = min(len(each) for each in runs)
    own = [each[:shortest].mean(axis=0) for each in runs]
    common = average_over_stars(np.mean(own, axis=0), stars)
    total = common.mean()
    summed = np.zeros((shortest, *common.shape))
    for each, mean in zip(runs, own, strict=True):
        scale = mean.mean() / total if total > 0 else 1.0
        summed += autocorrelation(each[:shortest] - common * scale)
    by_point = summed.transpose(1, 2, 0).reshape(len(common), -1)
    pooled = average_over_stars(by_point, stars).reshape(*common.shape, shortest)
    found = pooled.transpose(2, 0, 1)
    return np.divide(found, found[0], out=np.zeros_like(found), where=found[0] > 0)


def fit_lifetimes(
    correlations: np.ndarray, times: np.ndarray, procedure: Procedure = "umklapp"
) -> np.ndarray:
    """τ of y₀ exp(−t/τ), fitted before the correlation first falls below one half.

    `vibes` subtracts 1/T from 1/τ, T the length of the run: to first order what the division by n
    took from the correlations. `umklapp` has not taken it.

    Args:
        correlations: (n, n_q, n_b), as from `energy_correlations`. times: (n,) fs.

    Returns:
        (n_q, n_b) fs; NaN where the correlation falls within the first two steps or is zero.

    Raises:
        InputError: a correlation does not fall below one half.
    """
    step = timestep(times)
    found = np.full(correlations.shape[1:], np.nan)
    for index in np.ndindex(found.shape):
        one = correlations[(slice(None), *index)]
        if one[0] < 1e-12:
            continue
        below = np.flatnonzero(one < 0.5)
        if not len(below):
            raise InputError(
                f"lifetimes: the energy of mode {index[1]} at q-point {index[0]} is still "
                f"correlated after {times[-1] - times[0]:g} fs: run longer"
            )
        if below[0] >= 2:
            found[index] = _decay(one[: below[0]]) * step
    if procedure == "vibes":
        found = 1 / (1 / found - 1 / (times[-1] - times[0]))
    return found


def _decay(values: np.ndarray) -> float:
    """Decay time of y₀ exp(−k/τ) in steps."""
    steps = np.arange(len(values), dtype=float)
    if len(values) == 2:
        return float(1 / np.log(values[0] / values[1]))
    best, _ = optimize.curve_fit(lambda x, tau, y0: y0 * np.exp(-x / tau), steps, values)
    return float(best[0])


def spectral_functions(
    velocities: np.ndarray, times: np.ndarray, modes: Modes
) -> tuple[np.ndarray, np.ndarray]:
    """Spectrum of the velocity of every mode; its sum over modes is the vibrational density.

    Args:
        velocities: (n, N, 3) Å/fs. times: (n,) fs.

    Returns:
        frequencies (m,) THz and (m, n_q, n_b) eV/THz: the integral over frequency is ⟨|p|²⟩, which
        is k_B T for a classical mode.
    """
    step = timestep(times)
    momenta = np.concatenate(list(project(velocities / units.fs, modes)))
    number = len(momenta)
    power = np.abs(fft.fft(momenta, axis=0)) ** 2 * (step / number / 1000)
    half = number // 2 + 1
    # positive and negative frequencies of a complex coordinate are two directions of travel
    mirrored = power[-np.arange(half) % number]
    weight = np.full(half, 1.0)
    weight[0] = 0.5
    if number % 2 == 0:
        weight[-1] = 0.5
    return fft.rfftfreq(number, step) * 1000, weight[:, None, None] * (power[:half] + mirrored)
