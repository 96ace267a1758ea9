"""Energies and forces of one wrong unit or sign fit each other, but not the motion of the atoms."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import thermalize_momenta
from conftest import labelled_frames
from silicon import StillingerWeberSilicon

from umklapp.crystals import frame_info, frames
from umklapp.crystals.formats import border, motion
from umklapp.errors import InputError


@pytest.fixture(scope="module")
def steps():
    """Dynamics of silicon with a rough thermostat, a label every 5 fs."""
    atoms = bulk("Si", cubic=True)
    atoms.calc = StillingerWeberSilicon()
    generator = np.random.default_rng(3)
    thermalize_momenta(atoms, temperature_K=600, rng=generator)
    dynamics = Langevin(
        atoms, 1 * units.fs, temperature_K=300, friction=0.01 / units.fs, rng=generator, fixcm=False
    )
    dynamics.run(20)
    labels = []
    for number in range(25):
        dynamics.run(5)
        label = frames.labelled(atoms, atoms.get_potential_energy(), atoms.get_forces())
        frame_info.mark(label, time=5.0 * number)
        labels.append(label)
    return labels


def scaled(labels, factor, time=1.0):
    made = []
    for frame in labels:
        label = frames.labelled(
            frame, factor * frame.get_potential_energy(), factor * frame.get_forces()
        )
        frame_info.mark(label, time=time * frame.info["time"])
        made.append(label)
    return made


def test_newtons_law_holds_in_right_labels_and_tells_its_error(steps):
    law = motion.newton(steps)
    assert abs(law.slope - 1) < 0.1 + 3 * law.error
    assert law.right
    border.inspect(steps, "right.extxyz")


@pytest.mark.parametrize(
    ("factor", "time"),
    [(units.mol / units.kcal, 1.0), (1 / units.Hartree, 1.0), (1000.0, 1.0), (1.0, 1e-3)],
    ids=["kcal/mol", "Hartree and Hartree/Å", "meV", "times in ps"],
)
def test_energies_and_forces_of_one_wrong_unit_are_refused(steps, factor, time):
    with pytest.raises(InputError, match=r"not those that move the atoms.*unit"):
        border.inspect(scaled(steps, factor, time), "wrong.extxyz")


def test_frames_too_far_apart_in_time_tell_nothing(steps):
    far = scaled(steps[::6], 1000.0)
    assert motion.newton(far).bent > motion.BENT
    assert motion.newton(far).right
    assert motion.newton(labelled_frames(5)) is None  # without times
    assert motion.newton(steps[:2]) is None


def test_energies_and_forces_of_the_other_sign_push_atoms_away():
    labels = labelled_frames(8)
    assert motion.pushes_away(labels) == pytest.approx(-0.95, abs=0.06)
    wrong = [frames.labelled(f, -f.get_potential_energy(), -f.get_forces()) for f in labels]
    with pytest.raises(InputError, match=r"push the atoms away .* other sign"):
        border.inspect(wrong, "wrong.extxyz")


def test_a_path_along_one_unstable_mode_may_be_pushed_away():
    crystal = bulk("Si", cubic=True)
    mode = np.random.default_rng(1).normal(size=crystal.positions.shape)
    labels = []
    for size in np.linspace(-0.1, 0.1, 6):
        atoms = crystal.copy()
        atoms.positions += size * mode
        labels.append(frames.labelled(atoms, -(size**2), 2 * size * mode))
    assert motion.pushes_away(labels) is None
