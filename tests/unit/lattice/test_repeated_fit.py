"""The fit whose equations are made once gives the force constants that symfc gives every time."""

import numpy as np
import pytest
from ase.build import bulk
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals import phonopy_cells
from umklapp.errors import CalculationError
from umklapp.lattice import force_constants, repeated_fit
from umklapp.lattice.repeated_fit import RepeatedFit
from umklapp.potentials.ase import AsePotential

CUBE = [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]
CELLS = {
    "primitive": (bulk("Si", a=5.431), CUBE),
    "cube": (bulk("Si", a=5.431, cubic=True), np.eye(3, dtype=int).tolist()),
}


def fitted_by_symfc(cell, cutoff=None):
    """Random displacements of the cube of silicon with forces, fc2 and fc3."""
    primitive, matrix = CELLS[cell]
    phonons = config.Phonons(fc3="symfc", random_displacements=6, pair_cutoff=cutoff)
    perfect = phonopy_cells.supercell(primitive, matrix)
    made = force_constants.prepare(primitive, perfect, phonons)
    force_constants.evaluate(made, AsePotential(StillingerWeberSilicon()), phonons)
    return made, perfect


@pytest.mark.parametrize("cutoff", [None, 2.6])
@pytest.mark.parametrize("cell", CELLS)  # fc of the cube have eight rows, symfc's basis has two
def test_the_fit_is_that_of_symfc(cell, cutoff):
    made, perfect = fitted_by_symfc(cell, cutoff)
    fit = RepeatedFit(perfect, made.displacements, cutoff)
    second, third = fit(made.forces, made.primitive.p2s_map)
    assert len(second) == len(third) == len(CELLS[cell][0])
    np.testing.assert_allclose(second, made.fc2, atol=1e-8)
    np.testing.assert_allclose(third, made.fc3, atol=1e-6)


def test_displacements_that_do_not_fix_the_numbers_are_refused():
    made, perfect = fitted_by_symfc("primitive")
    still = np.zeros_like(made.displacements)
    still[:, 0, 0] = 0.03  # one atom along one axis
    with pytest.raises(CalculationError, match="6 displaced supercells do not fix the"):
        RepeatedFit(perfect, still)


def test_a_fit_that_does_not_fit_into_memory_is_refused(monkeypatch):
    made, perfect = fitted_by_symfc("primitive")
    monkeypatch.setattr(repeated_fit, "LARGEST", 1e4)
    with pytest.raises(CalculationError, match=r"6 supercells of 8 atoms needs .* GB"):
        RepeatedFit(perfect, made.displacements)
