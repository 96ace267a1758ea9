"""What a few labels do not exclude is said; wrong ones are refused or said, right ones never
refused."""

import re

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from conftest import label, labelled_frames, rattled
from hypothesis import example, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from umklapp.crystals import frames
from umklapp.crystals.formats import border, consistency, frame_pairs, given, untested
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError


def changed(labels, energy=1.0, forces=1.0, order=None):
    """The same frames with energies and forces times factors, and the energies of others."""
    energies = np.array([frame.calc.results["energy"] for frame in labels])
    energies = energies if order is None else energies[order]
    return [
        frames.labelled(frames.strip(frame), value * energy, frame.get_forces() * forces)
        for frame, value in zip(labels, energies, strict=True)
    ]


def outcome(labels):
    try:
        return border.inspect(labels, "here").report.outcome
    except InputError:
        return "refused"


WRONG = {
    "Ha": {"energy": 1 / units.Hartree},
    "eV/bohr": {"forces": units.Bohr},
    "times Å/bohr": {"forces": 1 / units.Bohr},
    "Ha/bohr": {"forces": units.Bohr / units.Hartree},
    "gradients": {"forces": -1.0},
    "both in Ha": {"energy": 1 / units.Hartree, "forces": 1 / units.Hartree},
    "both in Ry": {"energy": 1 / units.Rydberg, "forces": 1 / units.Rydberg},
    "both in kcal/mol": {"energy": units.mol / units.kcal, "forces": units.mol / units.kcal},
    "both in meV": {"energy": 1e3, "forces": 1e3},
    "both negative": {"energy": -1.0, "forces": -1.0},
}


def some_crystal(kind, seed, count, amplitude, strain, alike):
    """Frames of a strained crystal of low symmetry, of one cell or of several."""
    generator = np.random.default_rng(seed)
    if kind == "metal":
        perfect = bulk("Cu", "fcc", a=3.6, cubic=True)
        perfect.symbols[0] = "Au"
        perfect.set_cell(3.75 * np.eye(3), scale_atoms=True)
        calculator = EMT()
    else:
        perfect = bulk("Ar", "fcc", a=5.26, cubic=True) * (2, 1, 1)
        calculator = LennardJones(sigma=3.4, epsilon=0.0104, rc=8.0, smooth=True)
    shear = generator.uniform(-strain, strain, size=(3, 3))
    made = []
    for _ in range(count):
        atoms = perfect.copy()
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + shear), scale_atoms=True)
        if not alike:
            shear = generator.uniform(-strain, strain, size=(3, 3))
        move = generator.normal(scale=amplitude, size=(len(atoms), 3))
        atoms.positions += move - move.mean(axis=0)
        atoms.calc = calculator
        made.append(
            frames.labelled(frames.strip(atoms), atoms.get_potential_energy(), atoms.get_forces())
        )
    return made


@drawn(
    st.sampled_from(["metal", "argon"]),
    st.integers(0, 10**6),
    st.integers(1, 9),
    st.floats(0.01, 0.25),
    st.floats(0.0, 0.04),
    st.booleans(),
)
@example("argon", 0, 1, 0.1, 0.0, True)
@example("metal", 0, 2, 0.25, 0.04, False)
@settings(max_examples=60, deadline=None)
def test_right_labels_are_never_refused_and_wrong_ones_never_believed_in_silence(
    kind, seed, count, amplitude, strain, alike
):
    labels = some_crystal(kind, seed, count, amplitude, strain, alike)
    assert outcome(labels) != "refused"
    for name, factors in WRONG.items():
        assert outcome(changed(labels, **factors)) != "checked", name


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("count", [2, 3, 4, 6, 10])
def test_energies_of_other_frames_are_never_believed_in_silence(count, seed):
    order = np.roll(np.random.default_rng(seed).permutation(count), 1)
    if (order == np.arange(count)).any():
        order = np.roll(np.arange(count), 1)
    assert outcome(changed(labelled_frames(count), order=order)) != "checked"


def test_enough_right_frames_are_checked():
    for count in (5, 12):
        assert border.inspect(labelled_frames(count), "here").report.outcome == "checked"


def test_too_few_frames_are_undecided_and_every_frame_and_the_log_say_so(tmp_path, caplog):
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, [label(rattled(0))])
    labels, report = given.inspected(path)
    assert report.outcome == "undecided"
    assert "no two frames can be compared" in FrameInfo.of(labels[0]).untested
    assert caplog.records[0].levelname == "WARNING"
    assert "UNDECIDED: these labels may be energies that do not belong" in caplog.text
    frames.write_frames(path, labelled_frames(8))
    labels, report = given.inspected(path)
    assert (report.outcome, FrameInfo.of(labels[0]).untested) == ("checked", None)


def test_what_would_pass_is_said_in_numbers():
    slope = consistency.force_slope(frame_pairs.pairs_of(labelled_frames(12)))
    least, most = slope.passing
    assert 0.7 < least < 1 < most < 1.4
    for factor in (least * 1.03, most / 1.03):
        assert outcome(changed(labelled_frames(12), energy=1 / factor)) != "refused"
    for factor in (least / 1.1, most * 1.1):
        assert outcome(changed(labelled_frames(12), energy=1 / factor)) == "refused"


@pytest.mark.parametrize("factor", [0.5, 2.0, -1.0, 27.2])
def test_a_scaled_slope_is_that_of_scaled_energies(factor):
    labels = labelled_frames(9)
    scaled = consistency.force_slope(frame_pairs.pairs_of(labels)).scaled(factor)
    slope = consistency.force_slope(frame_pairs.pairs_of(changed(labels, energy=factor)))
    for name in ("value", "error", "largest", "unexplained", "sizes"):
        assert getattr(scaled, name) == pytest.approx(getattr(slope, name), rel=1e-6), name


def test_a_format_that_states_its_units_needs_no_stiffness():
    labels = changed(labelled_frames(8), energy=1 / 14, forces=1 / 14)
    assert border.inspect(labels, "here", units_stated=True).report.outcome == "checked"
    said = border.inspect(labels, "here").report.untested
    assert any(re.search("energies and forces in Rydberg", cause) for cause in said)


def test_the_stiffness_of_a_spring_is_its_own():
    perfect = bulk("Cu", "fcc", a=4.0, cubic=True)
    labels = []
    for seed in range(4):
        move = np.random.default_rng(seed).normal(scale=0.02, size=(4, 3))
        move -= move.mean(axis=0)
        atoms = perfect.copy()
        atoms.positions += move
        labels.append(frames.labelled(atoms, 1.5 * (move**2).sum(), -3.0 * move))
    value, restored, distance = untested.stiffness(labels)
    bond = np.sqrt(8.0)
    assert value == pytest.approx(3.0 * bond**3 / 14.4, rel=0.06)  # d of a displaced frame
    assert restored == pytest.approx(1.0)
    assert 0 < distance < 0.05
