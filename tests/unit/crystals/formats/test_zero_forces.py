"""Forces that are exactly zero: by symmetry, or because somebody left them out."""

import numpy as np
import pytest
from ase.constraints import FixAtoms
from ase.io import write
from conftest import diamond, label, rattled

from umklapp.crystals.formats import given
from umklapp.errors import InputError


@pytest.mark.parametrize("fixed", [[0], [2, 5], range(4)])
@pytest.mark.parametrize("amplitude", [0.01, 0.05])
def test_atoms_that_were_held_fixed_are_no_labels(tmp_path, fixed, amplitude):
    """ASE and FHI-aims write zeros for them; they never move, so that no energy tells."""
    labels = []
    for seed in range(8):
        atoms = rattled(seed, amplitude)
        atoms.positions[fixed] = diamond().positions[fixed]
        labels.append(label(atoms))
        labels[-1].calc.results["forces"][fixed] = 0.0
        labels[-1].set_constraint(FixAtoms(fixed))
    write(tmp_path / "fixed.extxyz", labels)
    with pytest.raises(InputError, match=r"fixed\.extxyz frame .*held fixed"):
        given.inspected(tmp_path / "fixed.extxyz")


def test_forces_that_symmetry_or_distance_makes_zero_are_labels(tmp_path):
    """One atom is displaced; far from it a short-ranged potential gives no force at all."""
    labels = []
    for size in (0.01, 0.02, 0.03):
        atoms = diamond() * (2, 2, 2)
        atoms.positions[0] += (size, 0, 0)
        labels.append(label(atoms))
        labels[-1].calc.results["forces"] = np.round(labels[-1].get_forces(), 8)
    assert any((frame.get_forces() == 0).all(axis=1).any() for frame in labels)
    write(tmp_path / "displaced.extxyz", labels)
    assert len(given.inspected(tmp_path / "displaced.extxyz")[0]) == 3
