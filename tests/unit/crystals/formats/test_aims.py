"""Outputs of FHI-aims: our own small ones of every kind of run, and a real one."""

import re

import numpy as np
import pytest
from ase.io import read as ase_read
from vibes_files import dynamics, write_aims

from umklapp.crystals import frames
from umklapp.crystals.formats import aims, given
from umklapp.errors import InputError


@pytest.fixture(scope="module")
def written():
    return [frame for frame, _ in dynamics(3)]


def same(found, wanted):
    assert len(found) == len(wanted)
    for step, frame in zip(found, wanted, strict=True):
        assert step.symbols == frame.get_chemical_symbols()
        np.testing.assert_allclose(step.cell, frame.cell.array, atol=1e-8)
        np.testing.assert_allclose(step.positions, frame.positions, atol=1e-8)
        np.testing.assert_allclose(step.forces, frame.get_forces(), rtol=1e-12)
        np.testing.assert_allclose(
            frames.stress_of(step.frame("here")), frame.get_stress(), atol=1e-8
        )
        assert step.energy == pytest.approx(frame.get_potential_energy(), rel=1e-14)


@pytest.mark.parametrize("mode", ["wrapper", "relaxation"])
def test_every_structure_gets_its_own_results(tmp_path, written, mode):
    path = write_aims(tmp_path / "aims.out", written, mode)
    same(list(aims.read(path)), written)
    assert aims.count(path) == 3
    same(list(aims.read(path, 2, 1)), written[1::2])


def test_single_point(tmp_path, written):
    same(list(aims.read(write_aims(tmp_path / "aims.out", written[:1], "single"))), written[:1])


def test_the_label_of_a_metal_is_the_free_energy_whose_slope_the_forces_are(tmp_path, written):
    path = write_aims(tmp_path / "aims.out", written, smeared=0.3)
    same(list(aims.read(path)), written)


def test_step_that_did_not_converge_is_no_label(tmp_path, written):
    path = write_aims(tmp_path / "aims.out", written, "wrapper", unconverged=(1,))
    same(list(aims.read(path)), [written[0], written[2]])


@pytest.mark.parametrize("cut", [3, 20])
def test_output_that_ends_too_early(tmp_path, written, cut):
    """Cut in the last structure or in the last forces."""
    path = write_aims(tmp_path / "aims.out", written, "wrapper", cut=cut)
    with pytest.raises(InputError, match=r"aims\.out: the file ends within a step"):
        list(aims.read(path))


def without(lines, kind, which):
    """Lines without one of a kind, the first or the last of them."""
    numbers = [n for n, line in enumerate(lines) if re.match(kind, line)]
    del lines[numbers[which]]
    return lines


INPUT, ATOM, FORCE = r"  \|    1: Species", r"\s+atom ", r"  \|    8 "


KINDS = [(mode, kind) for mode in ("wrapper", "relaxation") for kind in (INPUT, ATOM, FORCE)]


@pytest.mark.parametrize("which", [0, -1])
@pytest.mark.parametrize(("mode", "kind"), [*KINDS, ("single", INPUT), ("single", FORCE)])
def test_one_atom_too_few_in_one_place(tmp_path, written, mode, kind, which):
    path = write_aims(tmp_path / "aims.out", written[: 1 if mode == "single" else 3], mode)
    path.write_text("\n".join(without(path.read_text().splitlines(), kind, which)) + "\n")
    with pytest.raises(InputError, match=r"aims\.out: (7|2|0) (atoms|forces) .*8 are expected"):
        list(aims.read(path))


@pytest.mark.parametrize("said", [7, 9, 0, 10**12])
@pytest.mark.parametrize("mode", ["wrapper", "relaxation"])
def test_number_of_atoms_is_another_one(tmp_path, written, mode, said):
    path = write_aims(tmp_path / "aims.out", written, mode)
    path.write_text(path.read_text().replace("Number of atoms : 8", f"Number of atoms : {said}"))
    with pytest.raises(InputError, match=r"aims\.out: "):
        list(aims.read(path))


@pytest.mark.parametrize("mode", ["wrapper", "relaxation"])
def test_one_atom_left_out_everywhere(tmp_path, written, mode):
    """The numbers fit each other; that all forces sum to zero tells."""
    short = []
    for frame in written:
        short.append(frame[:-1])
        short[-1].calc = frame.calc.__class__(short[-1], **frame.calc.results)
        short[-1].calc.results["forces"] = frame.get_forces()[:-1]
    path = write_aims(tmp_path / "aims.out", short, mode)
    text = path.read_text().splitlines()
    if mode == "wrapper":
        text = without(text, r"  \|    8: Species", 0)
    path.write_text("\n".join(text) + "\n")
    with pytest.raises(InputError, match=r"sum to .* eV/Å: is an atom missing"):
        list(aims.read(path))


def test_forces_after_constraints_are_no_labels(tmp_path, written):
    path = write_aims(tmp_path / "aims.out", written, "relaxation")
    applied = "(unitary forces were cleaned, then relaxation constraints were applied)"
    path.write_text(path.read_text().replace("(unitary forces cleaned)", applied))
    with pytest.raises(InputError, match=r"constraints were applied.*constrain_relaxation"):
        list(aims.read(path))


def test_number_of_atoms_said_twice(tmp_path, written):
    path = write_aims(tmp_path / "aims.out", written)
    twice = "  The structure contains       27 atoms,  and a total of        56.000 electrons.\n"
    path.write_text(path.read_text().replace("  Input geometry:", twice + "  Input geometry:"))
    with pytest.raises(InputError, match=r"8 atoms by 'Number of atoms', but .*27 atoms"):
        list(aims.read(path))


def test_another_file(tmp_path):
    path = tmp_path / "other.out"
    path.write_text("nothing\n")
    with pytest.raises(InputError, match=r"other\.out: no number of atoms"):
        list(aims.read(path))


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_real_output_is_read_as_by_ase(shared):
    path = shared / "data/vibes/aims.out"
    theirs = ase_read(path, index=":", format="aims-output")
    found = list(aims.read(path))
    assert len(found) == len(theirs) == aims.count(path) == 2
    for step, atoms in zip(found, theirs, strict=True):
        assert step.energy == atoms.get_potential_energy()
        np.testing.assert_array_equal(step.forces, atoms.get_forces())
        np.testing.assert_array_equal(step.positions, atoms.positions)
        np.testing.assert_array_equal(step.cell, atoms.cell.array)
        assert step.stress is None  # "the stress tensor will not be computed"
        assert not frames.has_stress(step.frame("here"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  Charged system requested: Charge =   0.100000E+01.", "charges of 1 e in all"),
        ("  Charged system requested: Charge =  -0.200000E+01.", "charges of 2 e in all"),
        ("  | N = N_up - N_down :    2.15", r"magnetic moments \(up to 2.1 µB\)"),
        ("  | N = N_up - N_down (sum over all k points):    4.00000", "magnetic moments"),
        ("  homogeneous_field 0.0 0.0 0.05", "a field of 0.05"),
        ("  Charge =   0.000000E+00: Neutral system requested explicitly.", None),
        ("  | N = N_up - N_down :    0.00", None),
    ],
)
def test_charge_moment_and_field_of_a_run_are_refused(tmp_path, written, line, message):
    path = write_aims(tmp_path / "aims.out", written)
    begin = "          Begin self-consistency loop"
    path.write_text(path.read_text().replace(begin, f"{line}\n{begin}", 1))
    if message is None:
        assert len(list(given.read(path))) == 3
        return
    with pytest.raises(InputError, match=rf"aims\.out frame 0: .*{message}"):
        list(given.read(path))
