"""Formats that ASE reads, and what is said of all others."""

import gzip

import numpy as np
import pytest
from ase.build import bulk
from ase.db import connect
from ase.io import write
from conftest import labelled_frames

from umklapp.crystals.formats import given
from umklapp.errors import InputError


@pytest.fixture
def labels():
    return labelled_frames(5)


def write_db(path, labels):
    with connect(path, type="db") as database:
        for frame in labels:
            database.write(frame)


@pytest.mark.parametrize("end", ["traj", "db", "traj.gz", "db.gz"])
def test_files_of_ase_give_the_frames_that_were_written(tmp_path, labels, end):
    path, (end, *packing) = tmp_path / "md", end.split(".")
    if end == "traj":
        write(path, labels, format="traj")
    else:
        write_db(path, labels)
    if packing:
        path.write_bytes(gzip.compress(path.read_bytes()))
    found, report = given.inspected(path)
    assert given.format_of(path) == end
    assert len(found) == given.count(path) == report.frames == 5
    for one, two in zip(found, labels, strict=True):
        np.testing.assert_allclose(one.positions, two.positions, atol=1e-8)
        np.testing.assert_allclose(one.get_forces(), two.get_forces())
        np.testing.assert_allclose(one.get_stress(), two.get_stress())
        assert one.get_potential_energy() == pytest.approx(two.get_potential_energy())
    assert len(list(given.read(path, 2, 1))) == 2


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_cut_files_end_in_a_sentence(tmp_path, labels, share):
    for end, writer in (("traj", write), ("db", write_db)):
        path = tmp_path / f"md.{end}"
        writer(path, labels)
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError) as caught:
            given.inspected(path)
        assert str(path) in str(caught.value)
        assert "line break" not in str(caught.value)


def test_what_is_not_read_is_named(tmp_path):
    cif = tmp_path / "a.cif"
    write(cif, bulk("Si"))
    with pytest.raises(InputError, match=r"a\.cif: looks like ASE's format 'cif'"):
        given.format_of(cif)
    plain = tmp_path / "plain.xyz"
    plain.write_text("1\nsome words\nSi 0 0 0\n")
    with pytest.raises(InputError, match="without `Lattice=`"):
        given.format_of(plain)
    old = tmp_path / "old.extxyz"
    write(old, labelled_frames(2))
    old.write_bytes(old.read_bytes().replace(b"\n", b"\r"))
    with pytest.raises(
        InputError, match=r"old\.extxyz: its lines end with a carriage return alone"
    ):
        given.format_of(old)
    binary = tmp_path / "data.bin"
    binary.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(InputError, match="binary"):
        given.format_of(binary)
    wrong = tmp_path / "wrong.gz"
    wrong.write_bytes(gzip.compress(b"x" * 1000)[:-9])
    with pytest.raises(InputError, match=r"wrong\.gz"):
        list(given.read(wrong))
    with pytest.raises(InputError, match="cannot be read"):
        given.format_of(tmp_path)  # a folder


def test_a_comment_before_an_extxyz_is_named(tmp_path, labels):
    path = tmp_path / "noted.extxyz"
    write(path, labels)
    path.write_text("# fields in another order\n" + path.read_text())
    with pytest.raises(
        InputError, match=r"noted\.extxyz: begins with '# fields in .* the number of"
    ):
        given.inspected(path)


def test_a_run_without_a_converged_step_says_so(tmp_path, shared):
    """It had no frames left "after skip 0"."""
    text = (shared / "cases/03-foreign-outputs/vasprun.xml").read_text()
    cap = '<separator name="electronic convergence"><i type="int" name="NELM">1</i></separator>'
    path = tmp_path / "vasprun.xml"
    path.write_text(text.replace('<i type="int" name="NELM">60</i>', cap))
    with pytest.raises(InputError, match=r"vasprun\.xml: the electrons converged in none of its"):
        given.inspected(path)


def test_the_samples_of_public_reports(shared):
    folder = shared / "cases/03-foreign-outputs"
    for name in ("vasprun.xml", "md.traj", "md.db"):
        assert len(given.inspected(folder / name)[0]) > 0
    with pytest.raises(
        InputError, match="cannot be read as OUTCAR"
    ):  # written by hand, no k-points
        given.inspected(folder / "OUTCAR")
