"""How long an expansion may be, and what is left out in large cells."""

import numpy as np
import pytest
from models import silicon_cubic

from umklapp import config
from umklapp.errors import CalculationError
from umklapp.potentials.taylor import prior
from umklapp.potentials.taylor.basis import Expansion, unknowns
from umklapp.potentials.taylor.prior import Prior


def test_a_small_cell_has_every_order_and_no_cutoff():
    expansion = Prior.affordable(silicon_cubic(), config.Taylor())
    assert expansion.settings.cubic_cutoff is None
    assert all(order.free.shape[1] > 0 for order in expansion.expansions)


def test_the_third_order_is_cut_off_where_it_would_have_too_many_numbers(monkeypatch):
    perfect = silicon_cubic()
    monkeypatch.setattr(prior, "LARGEST_EXPANSION", unknowns(perfect) - 1)
    expansion = Prior.affordable(perfect, config.Taylor())
    cutoff = expansion.settings.cubic_cutoff
    assert 2.35 < cutoff < perfect.get_all_distances(mic=True).max()
    assert unknowns(perfect, cutoff) < unknowns(perfect)


def test_nearest_neighbours_with_too_many_numbers_are_an_error(monkeypatch):
    monkeypatch.setattr(prior, "LARGEST_EXPANSION", 1)
    with pytest.raises(CalculationError, match="more than 1 free"):
        Prior.affordable(silicon_cubic(), config.Taylor())


def test_a_large_cell_has_no_fourth_order(monkeypatch):
    """symfc would list all N⁴ quadruples: 45 GB for 198 atoms."""
    perfect = silicon_cubic()
    whole = Prior(perfect, prior.Knowledge(), config.Taylor())
    monkeypatch.setattr(prior, "LARGEST_QUARTIC", len(perfect) - 1)
    short = Prior(perfect, prior.Knowledge(), config.Taylor())
    fourth = short.expansions[2].free.shape[1]
    assert (fourth, whole.expansions[2].free.shape[1] > 0) == (0, True)
    u = 0.02 * np.random.default_rng(1).normal(size=(2, len(perfect), 3))
    design = short.scaled_design(u)
    np.testing.assert_allclose(design, whole.scaled_design(u)[..., : design.shape[-1]], atol=1e-12)
    z = np.random.default_rng(2).normal(size=design.shape[-1])
    forces = short.model(z, 0.0).expand(u)[1]
    np.testing.assert_allclose(forces.reshape(2, -1), design @ z, atol=1e-10)


def test_an_order_without_constants_is_empty():
    none = Expansion.none(silicon_cubic(), 4)
    assert none.design(np.zeros((1, len(none.atoms), 3))).shape == (1, 3 * len(none.atoms), 0)
    assert none.tensor(np.zeros(0)).nnz == 0
