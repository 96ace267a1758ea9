"""Nothing may depend on which eigenvectors a degenerate space happens to have."""

from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from scipy.stats import unitary_group
from test_lifetimes import complex_noise, cubic_modes, motion

from umklapp.crystals import phonopy_cells
from umklapp.lattice import harmonic_reference
from umklapp.potentials.ase import AsePotential
from umklapp.transport import (
    degenerate_modes,
    finite_size,
    lifetimes,
    qpoint_stars,
    supercell_modes,
)

VOLUME, TEMPERATURE = 700.0, 300.0


def hexagonal_modes():
    """Argon in close-packed hexagonal planes that are pressed together: a uniaxial crystal."""
    primitive = bulk("Ar", "hcp", a=3.7, c=5.7)
    perfect = phonopy_cells.supercell(primitive, [[3, 0, 0], [0, 3, 0], [0, 0, 2]])
    argon = AsePotential(LennardJones(sigma=3.4, epsilon=0.01, rc=5.5, smooth=True))
    constants = harmonic_reference.of_potential(argon, primitive, perfect, 0.01)
    return supercell_modes.build_modes(primitive, perfect, constants)


@pytest.fixture(scope="module", params=[cubic_modes, hexagonal_modes], ids=["cubic", "hexagonal"])
def modes(request):
    return request.param()


def turned(modes, seed):
    """The same modes with other eigenvectors in every degenerate space."""
    generator = np.random.default_rng(seed)
    vectors, waves = modes.solution.eigenvectors.copy(), modes.waves.copy()
    for q, space in degenerate_modes.spaces(modes.solution.frequencies):
        unitary = unitary_group.rvs(len(space), random_state=generator)
        vectors[q, space] = unitary @ vectors[q, space]
        waves[q, space] = unitary @ waves[q, space]
    return replace(modes, solution=replace(modes.solution, eigenvectors=vectors), waves=waves)


def dynamics(modes, seed=0, frames=400):
    """Motion in which every mode forgets its energy, those of a space at their own rates."""
    shape = (frames, *modes.solution.frequencies.shape)
    rates = np.linspace(0.8, 0.95, modes.solution.frequencies.shape[1])
    amplitudes = np.empty(shape, complex)
    for branch, rate in enumerate(rates):
        amplitudes[:, :, branch] = 0.05 * complex_noise(seed + branch, shape[:2], rate)
    amplitudes *= modes.solution.inverse()
    return motion(modes, 20.0 * np.arange(frames), amplitudes)


def analysed(modes, motions):
    """Correlations, lifetimes, κ_ha and the correction for the size."""
    runs = [degenerate_modes.mode_energies(u, v, modes) for u, v in motions]
    stars = qpoint_stars.find_stars(modes.solution.qpoints, modes.rotations)
    correlations = lifetimes.pooled_correlations(runs, stars)
    tau = lifetimes.fit_lifetimes(correlations, 20.0 * np.arange(len(correlations)))
    capacities = finite_size.heat_capacities(runs, VOLUME, TEMPERATURE)
    known = finite_size.harmonic(modes, capacities, tau)
    return correlations, known, finite_size.correct(modes, known, meshes=(3, 4, 5))


def test_no_result_depends_on_the_eigenvectors_of_a_space(modes):
    motions = [dynamics(modes, seed, 200) for seed in (0, 50)]
    assert len(degenerate_modes.spaces(modes.solution.frequencies)) > 4
    wanted = analysed(modes, motions)
    for seed in range(2):
        found = analysed(turned(modes, seed), motions)
        np.testing.assert_allclose(found[0], wanted[0], atol=1e-10)
        np.testing.assert_allclose(found[1].capacities, wanted[1].capacities, rtol=1e-10)
        np.testing.assert_allclose(found[1].symmetrized, wanted[1].symmetrized, rtol=1e-8)
        for name in ("kappa", "kappa_symmetrized"):
            known, now = getattr(wanted[1], name), getattr(found[1], name)
            np.testing.assert_allclose(now, known, rtol=0, atol=1e-8 * np.trace(known))
        assert found[2].factor == pytest.approx(wanted[2].factor, rel=1e-8)
        assert found[2].scalar == pytest.approx(wanted[2].scalar, rel=1e-8)


def test_single_modes_do_depend_on_them(modes):
    """What is averaged is there: the test above can fail."""
    u, v = dynamics(modes)
    one, other = (
        supercell_modes.mode_energies(u, v, each).var(axis=0) for each in (modes, turned(modes, 1))
    )
    q, space = degenerate_modes.spaces(modes.solution.frequencies)[-1]
    assert np.abs(one[q, space] / other[q, space] - 1).max() > 0.01


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_sum_is_the_mean_over_all_rotations(dimension):
    """Against rotations drawn from the unitary group, for any coordinates."""
    generator = np.random.default_rng(0)
    a, b = generator.normal(size=(2, dimension, 2)) @ np.array([1, 1j])
    draws = unitary_group.rvs(dimension, size=40_000, random_state=generator)
    turns = np.abs(draws @ a) ** 2, np.abs(draws @ b) ** 2
    wanted = (turns[0] * turns[1]).mean()
    within = degenerate_modes._within(np.array([a, b]))
    mean = (np.abs(a) ** 2).mean() * (np.abs(b) ** 2).mean()
    assert mean + within[0] @ within[1] == pytest.approx(wanted, rel=0.02)


def test_degenerate_modes_have_the_heat_capacity_of_single_ones(modes):
    """k_B per mode in equilibrium; the mean energy of a space alone fluctuates less."""
    shape = (20_000, *modes.solution.frequencies.shape)
    moving = modes.solution.inverse() > 0
    energy = units.kB * TEMPERATURE
    amplitudes = np.sqrt(energy / 2) * complex_noise(7, shape, 0.0) * modes.solution.inverse()
    found, few = [], 500
    for first in range(0, 4 * few, few):
        u, v = motion(modes, 1e3 * np.arange(few), amplitudes[first : first + few])
        found.append(degenerate_modes.mode_energies(u, v, modes))
    capacity = finite_size.heat_capacities(found, VOLUME, TEMPERATURE) * VOLUME / units.kB
    assert capacity[moving].mean() == pytest.approx(1, abs=0.05)
    for q, space in degenerate_modes.spaces(modes.solution.frequencies):
        if moving[q, space].all():
            assert np.ptp(capacity[q, space]) < 1e-12
