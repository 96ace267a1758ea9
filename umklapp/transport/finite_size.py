"""What a finite supercell misses of κ: waves longer than the cell.

Knoop et al., Phys. Rev. B 107, 224304 (2023). κ_ha = Σ c τ v v over the commensurate modes is
repeated on finer and finer q-meshes: λ = ω² τ varies slowly with q and is interpolated linearly, at
Γ from the points around it; frequencies and velocities follow from the force constants. κ_ha is
linear in 1/n_q for meshes n_q³; the intercept is that of the infinite crystal, and what it has more
than the commensurate κ_ha is added to the Green–Kubo κ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import units
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import QhullError

from umklapp.errors import InputError
from umklapp.transport.degenerate_modes import ModeEnergies
from umklapp.transport.green_kubo import TO_SI
from umklapp.transport.qpoint_stars import average_over_stars, find_stars
from umklapp.transport.series import Procedure
from umklapp.transport.supercell_modes import Modes, Solution, solve

MESHES = (4, 6, 8, 10, 12, 14, 16, 18, 20)
"""q-points along each reciprocal vector."""


@dataclass(frozen=True)
class Harmonic:
    """Conductivity of the commensurate modes.

    lifetimes, symmetrized: (n_q, n_b) fs; capacities: (n_q, n_b) eV/(K Å³); capacity: one for all
    modes, that gives the same κ; kappa, kappa_symmetrized: (3, 3) W/(m K).
    """

    lifetimes: np.ndarray
    symmetrized: np.ndarray
    capacities: np.ndarray
    capacity: float
    kappa: np.ndarray
    kappa_symmetrized: np.ndarray


@dataclass(frozen=True)
class Correction:
    """Extrapolation to the infinite crystal.

    meshes: (m,); kappas: (m, 3, 3) W/(m K); slope, intercept, slope_error, tensor: (3, 3) W/(m K),
    κ = slope/n_q + intercept and tensor = intercept − κ_ha; scalar: a third of its trace; factor:
    1 + scalar/κ_ha, factor_error likewise from slope_error at the commensurate mesh.
    """

    meshes: np.ndarray
    kappas: np.ndarray
    slope: np.ndarray
    intercept: np.ndarray
    slope_error: np.ndarray
    tensor: np.ndarray
    scalar: float
    factor: float
    factor_error: float


def harmonic_kappa(
    velocities: np.ndarray, lifetimes: np.ndarray, capacities: np.ndarray | float
) -> np.ndarray:
    """Σ c τ v v, (3, 3) W/(m K); modes without lifetime (NaN) are left out.

    Args:
        velocities: (n_q, n_b, 3) Å/fs. lifetimes: (n_q, n_b) fs.
        capacities: eV/(K Å³), one or (n_q, n_b).
    """
    weight = capacities * np.nan_to_num(lifetimes) * TO_SI
    return np.asarray(np.einsum("qs,qsa,qsb->ab", weight, velocities, velocities))


def heat_capacities(runs: Sequence[ModeEnergies], volume: float, temperature: float) -> np.ndarray:
    """⟨δE²⟩/(k_B T² V) of every mode, (n_q, n_b) eV/(K Å³); k_B/V in classical equilibrium.

    Args:
        runs: energies of the same modes. volume: Å³. temperature: K.
    """
    variance = np.concatenate([run.energies for run in runs]).var(axis=0)
    within = np.concatenate([run.within for run in runs])
    variance = variance + runs[0].to_modes((within**2).mean(axis=0))
    return np.asarray(variance / units.kB / temperature**2 / volume)


def harmonic(
    modes: Modes,
    capacities: np.ndarray,
    lifetimes: np.ndarray,
    procedure: Procedure = "umklapp",
) -> Harmonic:
    """Conductivity of the commensurate modes, also with lifetimes averaged over stars.

    Args:
        modes: of the supercell. capacities: of `heat_capacities`. lifetimes: (n_q, n_b) fs, NaN
            if none.
    """
    stars = find_stars(modes.solution.qpoints, modes.rotations, procedure)
    symmetrized = average_over_stars(lifetimes, stars)
    velocities = modes.solution.velocities
    kappa = harmonic_kappa(velocities, lifetimes, capacities)
    # at the zone boundary alone no mode moves and the ratio would be 0/0
    if np.trace(kappa) / 3 < 1e-4:
        capacity = float(capacities.mean())
    else:
        capacity = float(np.trace(kappa) / np.trace(harmonic_kappa(velocities, lifetimes, 1.0)))
    return Harmonic(
        lifetimes, symmetrized, capacities, capacity, kappa,
        harmonic_kappa(velocities, symmetrized, capacity),
    )  # fmt: skip


def value_at_gamma(qpoints: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear interpolation at Γ between ±q, (n_b,).

    Args:
        qpoints: (n_q, 3), Γ first. values: (n_q, n_b); those at Γ are not used.

    Raises:
        InputError: the other q-points do not surround Γ in three dimensions.
    """
    around = np.concatenate([qpoints[1:], -qpoints[1:]])
    try:
        interpolated = LinearNDInterpolator(around, np.concatenate([values[1:], values[1:]]))(
            np.zeros(3)
        )
    except (QhullError, ValueError):
        interpolated = np.array([np.nan])
    if not np.isfinite(interpolated).all():
        raise InputError(
            f"finite-size correction: {len(qpoints)} commensurate q-points do not surround Γ: at "
            "least two primitive cells are needed in every direction of the supercell"
        )
    return np.asarray(interpolated[0])


def interpolator(qpoints: np.ndarray, values: np.ndarray) -> LinearNDInterpolator:
    """Linear interpolation over the unit cell of reciprocal space, periodic.

    Args:
        qpoints: (n_q, 3). values: (n_q, n_b).

    Returns:
        a function of points (m, 3) in [0, 1].
    """
    points, index = extended(qpoints)
    return LinearNDInterpolator(points, values[index])


def extended(qpoints: np.ndarray, tolerance: float = 1e-9) -> tuple[np.ndarray, np.ndarray]:
    """The q-points in [0, 1), then their images on the far faces, edges and corners of [0, 1].

    Returns:
        points (m, 3) and for each the index of the q-point (m,).
    """
    inside = to_unit_cell(qpoints, tolerance)
    points, index = list(inside), list(range(len(inside)))
    for k, point in enumerate(inside):
        free = np.where(np.abs(point) < tolerance, 2, 1)
        for step in list(np.ndindex(*free))[1:]:
            points.append(point + step)
            index.append(k)
    return np.array(points), np.array(index)


def to_unit_cell(qpoints: np.ndarray, tolerance: float = 1e-9) -> np.ndarray:
    """The images in [0, 1), where −tolerance counts as 0."""
    return np.asarray((qpoints + tolerance) % 1 - tolerance)


def mesh_points(points_per_axis: int) -> np.ndarray:
    """Γ-centred mesh, (points_per_axis³, 3) in [−½, ½), first coordinate fastest."""
    axis = np.arange(points_per_axis) / points_per_axis
    third, second, first = np.meshgrid(axis, axis, axis, indexing="ij")
    points = np.stack([first, second, third], axis=-1).reshape(-1, 3)
    return np.asarray(((points + 0.5 + 1e-9) % 1 - 0.5 - 1e-9).round(14))


def mesh_kappa(
    modes: Modes,
    scaled: LinearNDInterpolator,
    capacity: float,
    points_per_axis: int,
    procedure: Procedure = "umklapp",
) -> np.ndarray:
    """κ_ha on a mesh of points_per_axis³ q-points, (3, 3) W/(m K).

    Args:
        modes: of the supercell. scaled: ω² τ in eV fs/(Å² u) as function of q.
        capacity: eV/(K Å³) per mode of the supercell.
    """
    points = mesh_points(points_per_axis)
    stars = find_stars(points, modes.rotations, procedure)
    inside = points[stars.irreducible]
    solution: Solution = solve(modes.phonon, inside, procedure)
    lifetimes = scaled(to_unit_cell(inside)) * solution.inverse() ** 2
    cell = modes.phonon.primitive.cell
    rotations = np.einsum("ji,ojk,kl->oil", cell, modes.rotations, np.linalg.inv(cell).T)
    turned = np.einsum(
        "qij,qsj->qsi", rotations[stars.rotation], solution.velocities[stars.of_point]
    )
    share = len(modes.solution.qpoints) / len(points)
    return harmonic_kappa(turned, lifetimes[stars.of_point], capacity) * share


def extrapolate(
    meshes: np.ndarray, kappas: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Straight line in 1/n_q through κ, every point weighted with n_q².

    Args:
        meshes: (m,). kappas: (m, ...).

    Returns:
        slope, intercept and standard error of the slope, all (...).
    """
    x = 1 / np.asarray(meshes, dtype=float)
    design = np.stack([x, np.ones_like(x)], axis=1) / x[:, None]
    target = np.reshape(kappas, (len(x), -1)) / x[:, None]
    (slope, intercept), *_ = np.linalg.lstsq(design, target, rcond=None)
    rest = ((target - design @ np.array([slope, intercept])) ** 2).sum(axis=0)
    error = np.sqrt(np.linalg.inv(design.T @ design)[0, 0] * rest / (len(x) - 2))
    shape = np.shape(kappas)[1:]
    return slope.reshape(shape), intercept.reshape(shape), error.reshape(shape)


def correct(
    modes: Modes,
    commensurate_kappa: Harmonic,
    meshes: Sequence[int] = MESHES,
    procedure: Procedure = "umklapp",
) -> Correction:
    """Finite-size correction of κ.

    Raises:
        InputError: fewer than three meshes, or too few commensurate q-points.
    """
    if len(meshes) < 3:
        raise InputError("finite-size correction: three meshes or more make a straight line")
    solution = modes.solution
    omega = solution.angular()
    scaled = np.sign(omega) * omega**2 * np.nan_to_num(commensurate_kappa.symmetrized)
    scaled[0] = value_at_gamma(solution.qpoints, scaled)
    function = interpolator(solution.qpoints, scaled)
    kappas = np.array(
        [mesh_kappa(modes, function, commensurate_kappa.capacity, n, procedure) for n in meshes]
    )
    slope, intercept, error = extrapolate(np.array(meshes), kappas)
    tensor = intercept - commensurate_kappa.kappa_symmetrized
    mean, scalar = np.trace(commensurate_kappa.kappa_symmetrized) / 3, float(np.trace(tensor) / 3)
    commensurate = len(solution.qpoints) ** (1 / 3)
    return Correction(
        np.array(meshes), kappas, slope, intercept, error, tensor, scalar, 1 + scalar / mean,
        float(np.trace(error) / 3 / commensurate / mean),
    )  # fmt: skip
