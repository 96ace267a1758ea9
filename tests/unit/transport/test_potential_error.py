"""What residual forces do to κ: found without knowing the truth, compared with it."""

import numpy as np
import pytest
from ase.build import bulk
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import frames
from umklapp.crystals.phonopy_cells import from_phonopy
from umklapp.errors import InputError
from umklapp.lattice import force_constants
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.contract import Prediction
from umklapp.potentials.taylor.prior import Knowledge, Prior
from umklapp.potentials.taylor.residual import Residual
from umklapp.transport import bte, kappa_budget, potential_error
from umklapp.transport.potential_error import ResidualKappa

MESH = [3, 3, 3]
PHONONS, CONDUCTIVITY = config.Phonons(), config.Conductivity()


class Stiff:
    """Third order is too strong: Stillinger and Weber plus a fifth of its even forces."""

    def __init__(self, perfect):
        self.exact, self.perfect = AsePotential(StillingerWeberSilicon()), perfect

    def evaluate(self, cells):
        found, mirrored = self.exact.evaluate(cells), []
        for cell in cells:
            atoms = self.perfect.copy()
            atoms.positions -= cell.positions - self.perfect.positions
            mirrored.append(atoms)
        other = self.exact.evaluate(mirrored)
        forces = [f + 0.1 * (f + g) for f, g in zip(found.forces, other.forces, strict=True)]
        return Prediction(found.energy, forces, found.stress)


@pytest.fixture(scope="module")
def silicon():
    primitive = bulk("Si", "diamond", a=5.431)
    calculation = force_constants.prepare(primitive, primitive.repeat(2), PHONONS)
    perfect = from_phonopy(calculation.supercell)
    return calculation, perfect, Prior(perfect, Knowledge(), config.Taylor(noise=1e-5))


def labels(perfect, n, seed):
    generator = np.random.default_rng(seed)
    cells = []
    for _ in range(n):
        atoms = perfect.copy()
        atoms.positions += 0.03 * generator.normal(size=(len(perfect), 3))
        cells.append(atoms)
    answer = AsePotential(StillingerWeberSilicon()).evaluate(cells)
    return [
        frames.labelled(atoms, float(e), f)
        for atoms, e, f in zip(cells, answer.energy, answer.forces, strict=True)
    ]


def test_a_wrong_third_order_shows_in_kappa_by_four_labels(silicon):
    calculation, perfect, prior = silicon
    wrong, fresh = Stiff(perfect), labels(perfect, 4, 0)
    cells = force_constants.displaced_cells(calculation, PHONONS)
    forces = wrong.evaluate(cells).forces
    residual = Residual(prior, fresh, wrong.evaluate(fresh).forces)
    found = potential_error.solve(
        calculation, forces, residual, PHONONS, CONDUCTIVITY, MESH, np.random.default_rng(0), 3
    )
    exact = AsePotential(StillingerWeberSilicon()).evaluate(cells).forces
    force_constants.fill(calculation, exact, PHONONS)
    truth = bte.solve(calculation, CONDUCTIVITY, MESH, PHONONS.imaginary).scalar()
    shift = truth[0] / found.production[0] - 1
    assert shift > 0.25  # κ goes as the inverse square of the third order
    assert found.relative_shift[0] == pytest.approx(shift, rel=0.25)
    assert found.relative_error[0] > 0.7 * shift
    part = found.part([100.0], 4)
    assert part.error_W_per_mK[0] == pytest.approx(100 * found.relative_error[0])
    assert "4 labels" in part.text


def test_an_error_holds_bias_and_uncertainty():
    found = ResidualKappa(np.array([10.0]), np.array([8.0]), np.array([[7.0], [9.0]]))
    assert found.relative_shift[0] == pytest.approx(-0.2)
    assert found.relative_error[0] == pytest.approx(np.sqrt(0.2**2 + 0.1**2))


def test_an_unstable_draw_counts_as_all_of_kappa():
    found = ResidualKappa(np.array([10.0]), np.array([10.0]), np.array([[0.0], [10.0]]))
    assert found.unstable == 1
    assert found.relative_error[0] == pytest.approx(np.sqrt(0.5))
    assert "1 draws are unstable" in found.part([10.0], 6).text


def test_a_potential_without_kappa_has_no_error(silicon):
    calculation, perfect, prior = silicon
    fresh = labels(perfect, 1, 1)
    residual = Residual(prior, fresh, [0 * label.get_forces() for label in fresh])
    cells = force_constants.displaced_cells(calculation, PHONONS)
    unstable = [-f for f in AsePotential(StillingerWeberSilicon()).evaluate(cells).forces]
    with pytest.raises(InputError, match="no κ"):
        potential_error.solve(
            calculation, unstable, residual, PHONONS, CONDUCTIVITY, MESH, np.random.default_rng(0)
        )


def test_labels_of_other_cells_and_of_events_are_passed_over(silicon):
    _, perfect, _ = silicon
    good, hopped = labels(perfect, 2, 2)
    hopped.positions[0] += 1.5
    other = labels(bulk("Si", "diamond", a=5.431, cubic=True), 1, 3)
    assert kappa_budget.at_sites([*other, hopped, good], perfect) == [good]


def test_what_is_cut_off_lies_beyond_the_share(silicon):
    calculation, _, _ = silicon
    exact = AsePotential(StillingerWeberSilicon())
    force_constants.evaluate(calculation, exact, PHONONS)
    before = calculation.fc3.copy()
    kappa_budget.cut_off(calculation, 1.01)
    np.testing.assert_allclose(calculation.fc3, before, atol=1e-4)
    kappa_budget.cut_off(calculation, 0.5)
    assert np.abs(calculation.fc3 - before).max() > 1e-3
