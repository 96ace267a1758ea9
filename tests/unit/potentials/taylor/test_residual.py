"""What a potential leaves of labels, as a posterior of force constants."""

import numpy as np
import pytest
from ase.build import bulk
from scipy import optimize
from scipy.stats import multivariate_normal
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import frames
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.taylor import residual
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.residual import Moments, Residual, noise_scales

ORDERS = np.array([0, 0, 0, 1, 1])
SCALES, NOISE = np.array([2.0, 0.3]), 0.1


def toy(n_data, seed):
    """Data of a linear model whose scales and noise are known."""
    generator = np.random.default_rng(seed)
    design = generator.normal(size=(n_data, len(ORDERS)))
    truth = SCALES[ORDERS] * generator.normal(size=len(ORDERS))
    return design, truth, design @ truth + NOISE * generator.normal(size=n_data)


def parameters():
    return np.log(np.append(SCALES**2, NOISE**2))


def test_the_evidence_is_that_of_a_gaussian():
    design, _, y = toy(7, 0)
    value, _, _ = residual._fit(Moments.of(design, y), ORDERS, parameters())
    covariance = (design * SCALES[ORDERS] ** 2) @ design.T + NOISE**2 * np.eye(len(y))
    assert value == pytest.approx(multivariate_normal(np.zeros(len(y)), covariance).logpdf(y))


def test_the_slope_is_the_derivative_of_the_evidence():
    design, _, y = toy(7, 1)
    moments = Moments.of(design, y)
    found = residual._fit(moments, ORDERS, parameters())[1]
    numeric = optimize.approx_fprime(
        parameters(), lambda p: residual._fit(moments, ORDERS, p)[0], 1e-6
    )
    np.testing.assert_allclose(found, numeric, rtol=1e-4, atol=1e-4)


def test_the_posterior_is_that_of_a_gaussian():
    design, _, y = toy(9, 2)
    found = residual._fit(Moments.of(design, y), ORDERS, parameters())[2]
    precision = design.T @ design / NOISE**2 + np.diag(1 / SCALES[ORDERS] ** 2)
    covariance = np.linalg.inv(precision)
    np.testing.assert_allclose(found.root @ found.root.T, covariance, atol=1e-12)
    np.testing.assert_allclose(found.mean, covariance @ design.T @ y / NOISE**2, atol=1e-10)


def test_draws_have_the_mean_and_the_covariance_of_the_posterior():
    design, _, y = toy(9, 3)
    found = residual.posterior(Moments.of(design, y), ORDERS, 1e-3)
    generator = np.random.default_rng(0)
    draws = np.array([found.draw(generator) for _ in range(4000)])
    covariance = found.root @ found.root.T
    widths = np.sqrt(np.diag(covariance))
    np.testing.assert_allclose(draws.mean(axis=0), found.mean, atol=0.08 * widths.max())
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.08 * widths.max() ** 2)


def test_the_truth_lies_within_the_posterior_as_often_as_it_should():
    squares = []
    for seed in range(200):
        design, truth, y = toy(12, 100 + seed)
        found = residual.posterior(Moments.of(design, y), ORDERS, 1e-3)
        widths = np.sqrt(np.diag(found.root @ found.root.T))
        squares.append(((found.mean - truth) / widths) ** 2)
    within = np.mean(np.array(squares) < 1)
    assert 0.58 < within < 0.75  # 0.683 for a Gaussian with known scales


def test_larger_residuals_widen_the_posterior():
    """A worse audit never makes κ look better known: the model scales with its data."""
    design, _, y = toy(30, 5)
    small = residual.posterior(Moments.of(design, y), ORDERS, 1e-6)
    large = residual.posterior(Moments.of(design, 3 * y), ORDERS, 1e-6)
    np.testing.assert_allclose(large.mean, 3 * small.mean, rtol=1e-2, atol=1e-3)
    np.testing.assert_allclose(large.root, 3 * small.root, rtol=1e-2, atol=1e-3)


def test_no_residual_leaves_nothing_to_be_uncertain_of():
    design, _, _ = toy(30, 6)
    found = residual.posterior(Moments.of(design, np.zeros(30)), ORDERS, 1e-6)
    assert np.abs(found.mean).max() == 0
    assert np.abs(found.root).max() < 1e-5


@pytest.fixture(scope="module")
def silicon():
    """A cell of eight atoms, its prior, and labels of Stillinger and Weber."""
    perfect = bulk("Si", "diamond", a=5.431, cubic=True)
    reference = AsePotential(StillingerWeberSilicon())

    def labels(n, seed):
        generator = np.random.default_rng(seed)
        cells = []
        for _ in range(n):
            atoms = perfect.copy()
            atoms.positions += 0.02 * generator.normal(size=(len(perfect), 3))
            cells.append(atoms)
        answer = reference.evaluate(cells)
        return [
            frames.labelled(atoms, float(e), f)
            for atoms, e, f in zip(cells, answer.energy, answer.forces, strict=True)
        ]

    return perfect, Prior(perfect, Knowledge(), config.Taylor(noise=1e-5)), labels


def test_what_a_potential_lacks_is_found(silicon):
    """Nine tenths of the forces: the mean of the posterior is the missing tenth."""
    _, prior, labels = silicon
    fresh, test = labels(6, 0), labels(3, 1)
    found = Residual(prior, fresh, [0.9 * label.get_forces() for label in fresh])
    missing = found.mean().evaluate(test).forces
    truth = np.array([0.1 * label.get_forces() for label in test])
    assert np.abs(missing - truth).max() < 0.03 * np.abs(truth).max()
    drawn = np.array(found.draw(np.random.default_rng(0)).evaluate(test).forces)
    assert np.abs(drawn - missing).max() < 0.2 * np.abs(truth).max()


def test_a_perfect_potential_lacks_nothing(silicon):
    _, prior, labels = silicon
    fresh = labels(4, 2)
    found = Residual(prior, fresh, [label.get_forces() for label in fresh])
    assert np.abs(found.mean().evaluate(fresh).forces).max() == 0


def test_a_cold_cell_is_not_spoiled_by_what_a_hot_one_leaves(silicon):
    """Errors beyond the expansion in hot cells: the harmonic part is still that of the cold one."""
    perfect, prior, labels = silicon
    hot, generator = labels(3, 3), np.random.default_rng(0)
    cold = perfect.copy()
    cold.positions[0, 0] += 0.002
    answer = AsePotential(StillingerWeberSilicon()).evaluate([cold])
    fresh = [*hot, frames.labelled(cold, float(answer.energy[0]), answer.forces[0])]
    noise = [0.05 * generator.normal(size=(len(perfect), 3)) for _ in hot]
    forces = [
        *(label.get_forces() - n + n.mean(axis=0) for label, n in zip(hot, noise, strict=True)),
        answer.forces[0],
    ]
    found = Residual(prior, fresh, forces)
    invented = np.abs(found.mean().evaluate([cold]).forces).max()
    assert invented < 0.02 * np.abs(answer.forces[0]).max()


def test_the_noise_of_a_frame_grows_with_the_square_of_its_displacements():
    u = np.ones((3, 4, 3)) * np.array([0.1, 0.05, 0.001])[:, None, None]
    np.testing.assert_allclose(noise_scales(u, 0.1), [1.0, 0.25, 0.1])
    np.testing.assert_array_equal(noise_scales(np.zeros((2, 4, 3)), 0.1), [1, 1])
