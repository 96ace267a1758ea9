"""Which elastic constants a Laue class leaves independent."""

import numpy as np
import pytest
from ase.spacegroup import crystal
from models import silicon_primitive
from scipy.spatial.transform import Rotation

from umklapp.errors import InputError
from umklapp.lattice.elastic import committee, tensor
from umklapp.lattice.elastic.symmetry import INDEPENDENT, point_group

CRYSTALS = {
    "-1": (2, [4, 5, 6, 80, 95, 103]),
    "2/m": (14, [4, 5, 6, 90, 103, 90]),
    "mmm": (62, [4, 5, 6, 90, 90, 90]),
    "4/m": (85, [5, 5, 6, 90, 90, 90]),
    "4/mmm": (123, [5, 5, 6, 90, 90, 90]),
    "-3": (148, [5, 5, 6, 90, 90, 120]),
    "-3m": (164, [5, 5, 6, 90, 90, 120]),
    "6/m": (175, [5, 5, 6, 90, 90, 120]),
    "6/mmm": (191, [5, 5, 6, 90, 90, 120]),
    "m-3": (200, [7, 7, 7, 90, 90, 90]),
    "m-3m": (221, [7, 7, 7, 90, 90, 90]),
}


@pytest.mark.parametrize("laue", CRYSTALS)
def test_symmetry_of_every_laue_class(laue):
    """Nye's counts; strains that symmetry says are enough give back any tensor it allows."""
    number, cellpar = CRYSTALS[laue]
    atoms = crystal("Si", [(0.113, 0.237, 0.341)], spacegroup=number, cellpar=cellpar)
    turn = Rotation.random(rng=number).as_matrix()
    atoms.set_cell(atoms.cell.array @ turn.T, scale_atoms=True)
    group = point_group(atoms)
    assert group.laue == laue
    assert group.independent == INDEPENDENT[laue]
    random = np.random.default_rng(number).normal(size=(6, 6))
    allowed = group.symmetrise(random @ random.T)
    directions = group.directions()
    np.testing.assert_allclose(group.fit(directions, directions @ allowed), allowed, atol=1e-10)
    np.testing.assert_allclose(group.symmetrise(allowed), allowed, atol=1e-12)
    standard = tensor.to_voigt(tensor.rotate(allowed, group.standard))
    shown = [standard[i - 1, j - 1] for i, j in committee.constants(laue)]
    assert len(shown) >= INDEPENDENT[laue]
    assert np.abs(shown).min() > 1e-6, "a constant that symmetry forbids is no use in a table"
    expected = {"m-3m": 2, "m-3": 2, "6/mmm": 3, "6/m": 3, "mmm": 6, "2/m": 6, "-1": 6}
    assert len(directions) == expected.get(laue, len(directions))


def test_nearly_symmetric_cell_is_told(monkeypatch):
    monkeypatch.setitem(INDEPENDENT, "m-3m", 4)
    with pytest.raises(InputError, match="not quite symmetric"):
        point_group(silicon_primitive())
