"""The prior of a stiff crystal is wider: its correction is as good as that of a soft one."""

import numpy as np
import pytest
from ase.build import bulk

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.potentials.taylor.correction import NoPotential, correct
from umklapp.potentials.taylor.stiffness import SOFT, WIDTHS, stiffness, widened

PERFECT = bulk("NaCl", "rocksalt", a=5.64, cubic=True)


def springs(shift, strength):
    """Forces of anharmonic springs between all pairs of neighbours, eV/Å."""
    place = PERFECT.positions + shift
    forces = np.zeros_like(shift)
    for first in range(len(PERFECT)):
        for second in range(len(PERFECT)):
            for image in np.ndindex(3, 3, 3):
                lattice = (np.array(image) - 1) @ PERFECT.cell.array
                rest = PERFECT.positions[second] + lattice - PERFECT.positions[first]
                if 0.1 < np.linalg.norm(rest) < 3.0:
                    vector = place[second] + lattice - place[first]
                    length = np.linalg.norm(vector)
                    stretch = length - np.linalg.norm(rest)
                    forces[first] += strength * (stretch - 1.5 * stretch**2) * vector / length
    return forces


def labels(strength, count=3):
    generator, made = np.random.default_rng(2), []
    for _ in range(count):
        atoms = PERFECT.copy()
        shift = generator.normal(scale=0.03, size=(len(atoms), 3))
        atoms.positions += shift
        made.append(frames.labelled(atoms, 0.0, springs(shift, strength)))
    return made


def test_stiffness_is_the_spring_of_a_crystal_of_springs():
    """An atom at the end of an isotropic spring of 7 eV/Å²."""
    shift = np.random.default_rng(0).normal(size=(8, 3))
    shift -= shift.mean(axis=0)
    atoms = PERFECT.copy()
    atoms.positions += 0.01 * shift
    assert stiffness(PERFECT, [frames.labelled(atoms, 0.0, -0.07 * shift)]) == pytest.approx(7.0)


def test_a_label_at_the_sites_says_nothing():
    still = frames.labelled(PERFECT.copy(), 0.0, np.zeros((8, 3)))
    assert stiffness(PERFECT, [still]) == 0
    assert widened(config.Taylor(), PERFECT, [still]) == config.Taylor()


def test_widths_grow_from_the_soft_limit_on_and_the_rest_stays():
    settings, soft, stiff = config.Taylor(), labels(1.0), labels(20.0)
    assert stiffness(PERFECT, soft) < SOFT < stiffness(PERFECT, stiff)
    assert widened(settings, PERFECT, soft) == settings
    wide, factor = widened(settings, PERFECT, stiff), stiffness(PERFECT, stiff) / SOFT
    for name, value in settings.model_dump().items():
        wanted = factor * value if name in WIDTHS else value
        assert getattr(wide, name) == pytest.approx(wanted)


def test_a_correction_of_forces_ten_times_as_large_is_ten_times_as_large():
    settings = config.Taylor(noise=1e-6)
    found = []
    for strength in (10.0, 100.0):
        asked = settings.model_copy(update={"noise": settings.noise * strength})
        corrected, _ = correct(NoPotential(), labels(strength), PERFECT, asked)
        fresh = labels(strength, 5)[-1]
        error = corrected.evaluate([fresh]).forces[0] - fresh.get_forces()
        found.append((corrected.taylor.cubic / strength, np.abs(error).max() / strength))
    np.testing.assert_allclose(found[1][0], found[0][0], atol=1e-3 * np.abs(found[0][0]).max())
    assert found[1][1] == pytest.approx(found[0][1], rel=0.05)
    assert found[0][1] < 1e-4 * np.abs(labels(1.0, 5)[-1].get_forces()).max()


def test_frames_of_another_cell_are_named():
    other = bulk("NaCl", "rocksalt", a=5.7, cubic=True)
    label = frames.labelled(other, 0.0, np.zeros((8, 3)))
    with pytest.raises(InputError, match="no displacement of the supercell"):
        stiffness(PERFECT, [label])
