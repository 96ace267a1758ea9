"""Widths in proportion to a potential's own force constants."""

import numpy as np
import pytest
from ase.build import bulk

from umklapp import config
from umklapp.crystals import frames
from umklapp.potentials.contract import Prediction
from umklapp.potentials.taylor import relative
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.residual import Residual


@pytest.fixture(scope="module")
def prior():
    """Of zincblende in 8 atoms."""
    perfect = bulk("ZnS", "zincblende", a=5.4, cubic=True)
    return Prior(perfect, Knowledge(), config.Taylor(noise=1e-6))


def displaced(perfect, count, seed):
    cells = [perfect.copy() for _ in range(count)]
    for cell, shift in zip(
        cells, np.random.default_rng(seed).normal(size=(count, len(perfect), 3)), strict=True
    ):
        cell.positions += 0.02 * (shift - shift.mean(axis=0))
    return cells


class Forces:
    """A potential with the forces of an expansion's free numbers."""

    def __init__(self, prior, second, third):
        self.prior, self.parts = prior, (second, third)

    def evaluate(self, cells):
        u = np.array([cell.positions - self.prior.perfect.positions for cell in cells])
        pairs = zip(self.prior.expansions, self.parts, strict=False)
        total = sum(expansion.design(u) @ x for expansion, x in pairs)
        forces = total.reshape(u.shape)
        return Prediction(np.zeros(len(u)), list(forces), np.full((len(u), 6), np.nan))


def test_widths_are_the_rms_of_a_shell_and_never_grow_inward_from_less(prior):
    third = prior.expansions[1]
    x = np.random.default_rng(1).normal(size=third.free.shape[1])
    found = relative.widths(third, x)
    elements, diameters = third.free @ x * third.largest_elements(), third.diameters()
    rms = {}
    for diameter in np.unique(diameters.round(1)):
        own = np.abs(diameters - diameter) < 0.06
        rms[diameter] = np.sqrt(np.mean(elements[own] ** 2))
        assert len(set(found[own])) == 1
    farthest = max(rms)
    np.testing.assert_allclose(found[diameters.round(1) == farthest], rms[farthest])
    for diameter in rms:
        largest = max(rms[other] for other in rms if other >= diameter)
        np.testing.assert_allclose(found[diameters.round(1) == diameter], largest)


def test_widths_scale_with_the_potential(prior):
    x = np.random.default_rng(2).normal(size=prior.expansions[0].free.shape[1])
    own = relative.widths(prior.expansions[0], x)
    np.testing.assert_allclose(relative.widths(prior.expansions[0], -3 * x), 3 * own)


def test_an_order_of_short_range_is_not_taken_for_known_farther_out(prior):
    third = prior.expansions[1]
    near = third.diameters() < 2.4
    x = third.free.T @ np.where(near, 1.0, 0.0)
    found = relative.widths(third, x)
    assert found.min() >= relative.LEAST * found.max() > 0


def test_a_potential_s_own_constants_are_read_off_its_forces(prior):
    generator = np.random.default_rng(3)
    second, third = (root @ generator.normal(size=root.shape[1]) for root in prior.roots[:2])
    found = relative.own_constants(prior, Forces(prior, second, third), 0.02)
    np.testing.assert_allclose(found[0], second, rtol=1e-3, atol=1e-3 * np.abs(second).max())
    np.testing.assert_allclose(found[1], third, rtol=0.02, atol=0.02 * np.abs(third).max())


def test_an_order_that_the_potential_does_not_have_keeps_its_widths(prior):
    zero = [np.zeros(len(root)) for root in prior.roots[:2]]
    same = relative.relative_to(prior, Forces(prior, *zero), displaced(prior.perfect, 1, 0))
    for root, own in zip(same.roots, prior.roots, strict=True):
        np.testing.assert_array_equal(root, own)


def test_the_prior_itself_stays_as_it_was(prior):
    before = [root.copy() for root in prior.roots]
    prior.with_widths(*(np.ones(one.columns.shape[1]) for one in prior.expansions[:2]))
    for root, own in zip(prior.roots, before, strict=True):
        np.testing.assert_array_equal(root, own)


def missing(prior, truth, potential, labels, test):
    """What is left of the error of forces on `test` after the mean of the residual is added."""
    residual = Residual(prior, labels, potential.evaluate(labels).forces)
    found = np.array(residual.mean().evaluate(test).forces)
    lacking = np.array(truth.evaluate(test).forces) - potential.evaluate(test).forces
    return np.linalg.norm(found - lacking) / np.linalg.norm(lacking)


def test_errors_in_proportion_to_the_constants_are_found_from_fewer_labels(prior):
    """Force constants that do not decay, all wrong by a tenth of themselves at random."""
    left = []
    for seed in range(3):
        generator = np.random.default_rng(seed)
        second, third = (one.columns.shape[1] for one in prior.expansions[:2])
        wide = prior.with_widths(np.full(second, 2.0), np.full(third, 20.0))
        own = wide.parts(generator.normal(size=wide.n_free))[:2]
        wrong = [0.1 * part for part in wide.parts(generator.normal(size=wide.n_free))[:2]]
        truth = Forces(prior, *own)
        potential = Forces(prior, *(a + b for a, b in zip(own, wrong, strict=True)))
        cells, test = displaced(prior.perfect, 2, seed), displaced(prior.perfect, 4, 10 + seed)
        forces = truth.evaluate(cells).forces
        labels = [frames.labelled(c, 0.0, f) for c, f in zip(cells, forces, strict=True)]
        relative_prior = relative.relative_to(prior, potential, labels)
        left.append(
            [missing(one, truth, potential, labels, test) for one in (prior, relative_prior)]
        )
    fixed, proportional = np.mean(left, axis=0)
    assert proportional < fixed
