"""Relaxation: known minimum, space group kept, and honest when it fails."""

import numpy as np
import pytest
from ase.build import bulk
from ase.spacegroup import crystal
from conftest import silicon_engine
from silicon import ENERGY, LATTICE, StillingerWeberSilicon

from umklapp.crystals.symmetry import primitive_cell, space_group
from umklapp.errors import CalculationError, InputError
from umklapp.reference import relaxation


@pytest.mark.parametrize("start", [5.2, 5.431, 5.7])
def test_silicon_finds_the_published_minimum(engine, tmp_path, start):
    primitive = primitive_cell(bulk("Si", a=start))
    primitive.info["material"] = "Si-227"
    before = primitive.copy()
    relaxed, record = relaxation.relax(primitive, engine, tmp_path / "new", 1e-4, 1e-6)
    assert relaxed.cell.volume == pytest.approx(LATTICE**3 / 4, rel=1e-3)
    relaxed.calc = StillingerWeberSilicon()
    assert relaxed.get_potential_energy() / 2 == pytest.approx(ENERGY, abs=2e-4)
    assert record.force_eV_per_A <= 1e-4
    assert record.stress_eV_per_A3 <= 1e-6
    assert space_group(relaxed) == 227
    assert relaxed.info["material"] == "Si-227"
    assert not relaxed.constraints
    assert primitive == before
    assert (tmp_path / "new" / "relax.log").stat().st_size


def test_inner_coordinates_relax_within_the_space_group(engine, tmp_path):
    """Hexagonal diamond: two lattice constants and a free coordinate, all wrong at first."""
    start = primitive_cell(
        crystal("Si", [(1 / 3, 2 / 3, 0.07)], spacegroup=194, cellpar=[3.7, 3.7, 6.5, 90, 90, 120])
    )
    assert (space_group(start), len(start)) == (194, 4)
    relaxed, record = relaxation.relax(start, engine, tmp_path, 1e-3, 1e-5)
    assert space_group(relaxed) == 194
    assert record.steps > 1
    relaxed.calc = StillingerWeberSilicon()
    assert np.abs(relaxed.get_forces()).max() <= 1e-3
    assert np.abs(relaxed.get_stress()).max() <= 1e-5
    # only nearest neighbours and tetrahedral angles count: the same energy as diamond
    assert relaxed.get_potential_energy() / 4 == pytest.approx(ENERGY, abs=1e-3)
    lengths = relaxed.cell.cellpar()
    assert lengths[2] / lengths[0] == pytest.approx((8 / 3) ** 0.5, abs=0.01)


def broken_silicon(by=0.05):
    """Diamond with one atom off its place, and diamond."""
    perfect = primitive_cell(bulk("Si", a=5.431))
    perfect.info["material"] = "Si-227"
    broken = perfect.copy()
    broken.positions[0] += [by, 0, 0]
    return perfect, broken


def test_symmetry_compared():
    perfect, broken = broken_silicon()
    assert relaxation.compare_symmetry(perfect, perfect).kept
    lost = relaxation.compare_symmetry(perfect, broken)
    assert (lost.kept, lost.before, lost.within_A) == (False, 227, None)
    assert lost.after < 227
    assert lost.text.startswith("Si-227: relaxation changed the space group from 227 to ")
    noisy = relaxation.compare_symmetry(perfect, broken_silicon(2e-3)[1])
    assert (noisy.kept, noisy.within_A) == (False, 1e-2)
    assert "within 0.01 Å it is still 227" in noisy.text


def stretched_diamond():
    """Diamond stretched by 1 % along one axis: tetragonal, and it relaxes back into the cubic."""
    cell = bulk("Si", a=5.431).cell.array @ np.diag([1, 1, 1.01])
    atoms = bulk("Si", a=5.431)
    atoms.set_cell(cell, scale_atoms=True)
    start = primitive_cell(atoms)
    start.info["material"] = "Si-141"
    return start


def test_a_symmetry_that_changes_is_an_error_or_a_report(engine, tmp_path, caplog):
    assert space_group(stretched_diamond()) == 141
    limits = 1e-5, 1e-7
    with pytest.raises(CalculationError, match=r"Si-141: .* from 141 to 227.*symmetry to 'report'"):
        relaxation.relax(stretched_diamond(), engine, tmp_path / "keep", *limits)
    relaxed, record = relaxation.relax(
        stretched_diamond(), engine, tmp_path / "report", *limits, "report"
    )
    assert space_group(relaxed) == 227
    found = record.symmetry
    assert (found.kept, found.before, found.after, found.atoms) == (False, 141, 227, 2)
    assert "Si-141: relaxation changed the space group from 141 to 227" in caplog.text


@pytest.mark.parametrize(("start", "told"), [(5.38, False), (5.2, True)])
def test_a_volume_that_changes_much_is_told(engine, tmp_path, caplog, start, told):
    _, record = relaxation.relax(primitive_cell(bulk("Si", a=start)), engine, tmp_path, 1e-3, 1e-4)
    assert record.volume_change == pytest.approx((LATTICE / start) ** 3 - 1, abs=0.01)
    assert ("the volume changed by +14 %" in caplog.text) is told


def test_a_volume_that_changes_too_much_is_an_error(engine, tmp_path):
    with pytest.raises(CalculationError, match=r"volume changed by \+3\d %: .*plane-wave cutoff"):
        relaxation.relax(primitive_cell(bulk("Si", a=4.9)), engine, tmp_path, 1e-3, 1e-4)


def test_no_end_is_an_error_with_the_numbers(engine, tmp_path):
    with pytest.raises(
        CalculationError, match=r"not relaxed after 60 steps: force .*limit"
    ) as caught:
        relaxation.relax(primitive_cell(bulk("Si", a=5.5)), engine, tmp_path, 1e-3, 1e-30)
    assert str(tmp_path / "relax.log") in str(caught.value)


def test_table_cannot_relax(tmp_path):
    from conftest import labelled_frames

    from umklapp import config, reference
    from umklapp.crystals import frames

    frames.write_frames(tmp_path / "table.extxyz", labelled_frames(1))
    engine = reference.create(config.Lookup(path=tmp_path / "table.extxyz"))
    with pytest.raises(InputError, match="relaxation need"):
        relaxation.relax(bulk("Si"), engine, tmp_path, 1e-3, 1e-3)


def test_engine_that_fails_is_heard(tmp_path):
    with pytest.raises(RuntimeError, match="too close"):
        relaxation.relax(
            bulk("Si", cubic=True), silicon_engine("FragileSilicon", shortest=3.0), tmp_path, 1, 1
        )
