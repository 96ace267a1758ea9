"""What is not believed of given labels: each kind of damage is refused with file, frame, cause."""

import numpy as np
import pytest
from ase import Atoms, units
from conftest import diamond, label, labelled_frames, rattled

from umklapp.crystals import frames
from umklapp.crystals.formats import border, given
from umklapp.errors import InputError
from umklapp.transport import user_steps


def zero_forces(frame):
    frame.calc.results["forces"] = np.zeros((len(frame), 3))


def one_force(frame):
    frame.calc.results["forces"][3, 1] = 1e80


def a_digit_more(frame):
    frame.calc.results["forces"][3, 1] *= 1000.0


def no_energy(frame):
    frame.calc.results["energy"] = 0.0


def another_energy(frame):
    frame.calc.results["energy"] *= 2.0


def at_the_origin(frame):
    frame.positions[:] = 0.0


def not_periodic(frame):
    frame.pbc = (True, True, False)


def in_bohr_thrice(frame):
    frame.set_cell(frame.cell.array * 0.1, scale_atoms=True)


def a_digit_more_in_the_cell(frame):
    cell = frame.cell.array.copy()
    cell[0] += 1e11 * cell[2]
    frame.set_cell(cell)


DAMAGE = [
    (zero_forces, "frame 5: every force is exactly zero"),
    (one_force, r"frame 5: forces of 1e\+80"),
    (a_digit_more, r"frame 5: the forces of all atoms sum to .* on atom 3: is a number damaged"),
    (no_energy, "frame 5: its energy, 0 eV, is not of the same calculation"),
    (another_energy, "frame 5: its energy"),
    (at_the_origin, "frame 5: atoms 0 and 1 are 0.000 Å apart; are all positions there"),
    (not_periodic, "frame 5: periodic in 2 directions, not in three"),
    (in_bohr_thrice, "frame 5: 0.02 Å³ per atom"),
    (a_digit_more_in_the_cell, "frame 5: a cell vector of .* Å; is a number damaged"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE, ids=[d.__name__ for d, _ in DAMAGE])
def test_one_damaged_frame_among_right_ones_is_named(tmp_path, damage, message):
    labels = labelled_frames(10)
    damage(labels[5])
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labels)
    with pytest.raises(InputError, match=rf"given\.extxyz {message}"):
        given.inspected(path)


def test_frames_that_were_thinned_are_named_by_their_number_in_the_file(tmp_path):
    labels = labelled_frames(12)
    no_energy(labels[8])
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labels)
    with pytest.raises(InputError, match="frame 8: its energy"):
        given.inspected(path, every=2, skip=2)


def test_a_perfect_crystal_may_have_no_forces():
    labels = [label(diamond()), *labelled_frames(6)]
    zero_forces(labels[0])
    report = border.inspect(labels, "here").report
    assert report.force_slope.value == pytest.approx(1.0, abs=0.05)


def test_a_file_without_any_forces_is_refused():
    labels = labelled_frames(4)
    for frame in labels:
        zero_forces(frame)
    with pytest.raises(InputError, match="4 frames without forces among 4"):
        border.inspect(labels, "here")


def test_one_configuration_has_one_label():
    labels = [*labelled_frames(4), *labelled_frames(2)]
    border.inspect(labels, "here")  # a restart repeats its last frames
    labels[5].calc.results["energy"] += 0.1
    with pytest.raises(InputError, match="here frames 1 and 5 have the same positions"):
        border.inspect(labels, "here")


def test_a_left_handed_cell_becomes_right_handed_with_the_same_labels():
    frame = label(rattled(1))
    left = frames.labelled(
        Atoms(frame.numbers, cell=frame.cell.array[[1, 0, 2]], positions=frame.positions, pbc=True),
        frame.get_potential_energy(),
        frame.get_forces(),
    )
    assert left.cell.handedness == -1
    turned = border.believed(left, "here")
    assert turned.cell.handedness == 1
    again = label(turned)  # calculated anew it is the same
    assert again.get_potential_energy() == pytest.approx(frame.get_potential_energy(), abs=1e-6)
    np.testing.assert_allclose(again.get_forces(), turned.get_forces(), atol=1e-6)
    assert turned.info["frame_id"] == frames.frame_id(turned)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([0.0, 2.0, 4.0, 6.0], "a frame every 2 fs"),
        ([0.0, 2.0, 4.0, 10.0], "not uniform: 2 to 6 fs"),
        ([0.0, 2.0, 0.0, 2.0], "times do not increase at frame 2"),
        ([0.0, None, 4.0, 6.0], "3 of 4 frames have a time"),
        ([None] * 4, ""),
    ],
)
def test_the_time_axis_is_said(times, said):
    labels = labelled_frames(4)
    for frame, time in zip(labels, times, strict=True):
        if time is not None:
            frame.info["time"] = time
    assert said in border.inspect(labels, "here").report.times


def test_two_orders_of_atoms_in_one_file_are_compared_apart_and_said():
    """Two sources of one crystal, the second with its species the other way round."""
    zincblende = diamond()
    zincblende.symbols[::2] = "Ge"
    generator = np.random.default_rng(0)
    labels = []
    for order in (np.arange(8), np.arange(8)[::-1]):
        for _ in range(5):
            motion = generator.normal(scale=0.05, size=(8, 3))
            motion -= motion.mean(axis=0)
            atoms = zincblende.copy()
            atoms.positions += motion
            labels.append(
                frames.labelled(atoms[order], 2.5 * (motion**2).sum(), -5.0 * motion[order])
            )
    report = border.inspect(labels, "here").report
    assert "2 orders of the atoms in frames of 8 atoms" in report.notes
    assert report.force_slope.value == pytest.approx(1.0, abs=1e-6)


def test_the_report_is_a_record_beside_the_seeds(tmp_path):
    report = border.inspect(labelled_frames(6), "given.extxyz", notes=["units of …"]).report
    path = tmp_path / "frames_0.report.json"
    border.write_report(path, [report])
    again = border.SeedReport.read(path)
    assert again.files == [report]
    assert "6 frames; slope of the energies on the forces" in str(report)
    assert report.notes[0] == "units of …"
    assert "GPa as eV/Å³) are not tested" in report.notes[1]


@pytest.mark.parametrize("shift", [5.0, -0.5])
def test_two_calculations_in_one_file_are_told_apart(shift):
    """Forces of both are alike, energies differ by a constant, as of two functionals."""
    labels = labelled_frames(12)
    for frame in labels[6:]:
        frame.calc.results["energy"] += shift * len(frame)
    with pytest.raises(InputError, match="two calculations \\(units, settings\\) are mixed"):
        border.inspect(labels, "here")


def test_an_absurd_number_of_atoms_is_refused_at_once(tmp_path):
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labelled_frames(3))
    text = path.read_text()
    for huge in (text.replace("8\n", "99999999999\n", 1), f"{text}9999999999\n"):
        (tmp_path / "huge.extxyz").write_text(huge)
        with pytest.raises(InputError, match=r"a frame of 9999999999\d* atoms"):
            given.inspected(tmp_path / "huge.extxyz")


@pytest.mark.parametrize("amplitude", [0.04, 0.1])
def test_stresses_too_large_for_their_unit(tmp_path, amplitude):
    """Frames in one cell do not test the unit of the stress; its size does."""
    path = tmp_path / "stress.extxyz"
    for name, unit in (("eV/Å³", 1.0), ("GPa", units.GPa), ("kbar", 0.1 * units.GPa)):
        labels = [label(rattled(seed, amplitude)) for seed in range(6)]
        for frame in labels:
            frame.calc.results["stress"] /= unit
        frames.write_frames(path, labels)
        if name == "kbar" or (name == "GPa" and amplitude == 0.1):
            with pytest.raises(InputError, match=r"stress\.extxyz.*: stress(es)? of"):
                given.inspected(path)
            continue
        said = "; ".join(given.inspected(path)[1].untested)
        assert ("stresses in GPa or kbar" in said) == (name == "GPa")


def lines_between(text):
    return text.replace("\n8\n", "\n\n8\n")


def line_before_the_last(text):
    head, last = text.rsplit("\n8\n", 1)
    return f"{head}\n \t\n8\n{last}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lines_between, "frame 1: an empty line stands before it"),
        (line_before_the_last, "frame 4: an empty line stands before it"),
        (lambda text: text.replace("energy=", "energy=-1 energy="), "frame 0: 'energy' stands"),
        (
            lambda text: text.replace("Properties", 'Lattice="6 0 0 0 6 0 0 0 6" Properties'),
            "frame 0: 'Lattice' stands twice",
        ),
        (lambda text: text.replace('pbc="T T T"', 'pbc="T T T" pbc="F F F"'), "'pbc' stands"),
    ],
)
def test_what_ase_would_leave_out_without_a_word(tmp_path, change, message):
    """Frames behind an empty line, and the first of two values of one name."""
    path = tmp_path / "a.extxyz"
    frames.write_frames(path, labelled_frames(5))
    path.write_text(change(path.read_text()))
    with pytest.raises(InputError, match=rf"a\.extxyz {message}|{message}"):
        given.inspected(path)
    with pytest.raises(InputError, match=message):
        list(user_steps.read(path))


def test_the_same_value_twice_and_empty_lines_at_the_end_are_read(tmp_path):
    path = tmp_path / "a.extxyz"
    frames.write_frames(path, labelled_frames(5))
    again = ' pbc="T T T" pbc="T T T" comment="energy=1 energy=2" '
    path.write_text(path.read_text().replace(' pbc="T T T"', again) + "\n\n")
    assert len(given.inspected(path)[0]) == 5


def test_a_property_of_more_columns_than_can_be_is_refused(tmp_path):
    """ASE would count the columns one by one."""
    path = tmp_path / "given.extxyz"
    frames.write_frames(path, labelled_frames(2))
    path.write_text(path.read_text().replace("forces:R:3", "forces:R:12841652731230536"))
    with pytest.raises(InputError, match="a property of 12841652731230536 columns"):
        list(given.read(path))


def test_a_frame_without_forces_of_its_atoms_is_refused():
    """An empty array of a damaged traj."""
    empty = labelled_frames(1)[0]
    empty.calc.results["forces"] = np.zeros((0, 3))
    with pytest.raises(InputError, match="forces without a number"):
        border.believed(empty, "given frame 0")
