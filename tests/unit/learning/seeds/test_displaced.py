"""Displaced frames as seeds: with the right statistics, and again the same."""

import numpy as np
import pytest
import silicon
from ase import units
from conftest import diamond, label, rattled, silicon_engine

from umklapp import config
from umklapp.crystals import frames, phonopy_cells, symmetry
from umklapp.crystals.frame_info import Origin
from umklapp.errors import CalculationError
from umklapp.learning.seeds import displaced
from umklapp.reference.ledger import Ledger

RATTLED, HARMONIC = (Origin(kind=kind, seed=0) for kind in ("rattled", "harmonic"))


def test_rattled_amplitudes_in_turn():
    crystal = diamond() * (3, 3, 3)
    chosen = config.RattledSeed(count=4, amplitudes=[0.02, 0.1])
    found = displaced.rattled(crystal, chosen, np.random.default_rng(1), RATTLED)
    assert len(found) == 4
    for number, frame in enumerate(found):
        shift = frame.positions - crystal.positions
        assert shift.std() == pytest.approx([0.02, 0.1][number % 2], rel=0.1)
        assert abs(shift.mean()) < 0.02
        np.testing.assert_array_equal(frame.cell.array, crystal.cell.array)
        assert frame.info["origin"] == "rattled 0"
        assert frame.info["frame_id"] == frames.frame_id(frame)
    assert len(frames.unique(found)) == 4


def test_rattled_strain_is_symmetric_and_within_its_limit():
    crystal = diamond()
    chosen = config.RattledSeed(count=30, amplitudes=[1e-6], strain=0.05)
    largest = 0.0
    for frame in displaced.rattled(crystal, chosen, np.random.default_rng(1), RATTLED):
        strain = np.linalg.inv(crystal.cell.array) @ frame.cell.array - np.eye(3)
        np.testing.assert_allclose(strain, strain.T, atol=1e-12)
        largest = max(largest, np.abs(strain).max())
        scaled = frame.get_scaled_positions(wrap=False) - crystal.get_scaled_positions(wrap=False)
        assert np.abs(scaled - np.rint(scaled)).max() < 1e-5  # atoms move with the cell
    assert 0.04 < largest <= 0.05


def test_rattled_frames_repeat():
    chosen = config.RattledSeed(count=2, strain=0.01)
    one, two = (
        displaced.rattled(diamond(), chosen, np.random.default_rng(4), RATTLED) for _ in range(2)
    )
    assert [f.info["frame_id"] for f in one] == [f.info["frame_id"] for f in two]


PRIMITIVE = symmetry.primitive_cell(diamond())


MATRIX = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]


def thermal(folder, temperatures, count, seed=3, engine=None, matrix=MATRIX):
    return displaced.harmonic(
        PRIMITIVE,
        matrix,
        config.HarmonicSeed(count=count, temperatures=temperatures),
        engine or silicon_engine(),
        Ledger(folder / "ledger"),
        folder / "work",
        60,
        seed,
        HARMONIC,
    )


def test_harmonic_frames_are_thermal(tmp_path):
    """Potential energy of quantum oscillators: half of ∑ ħω (n + ½), in a stiff crystal."""
    found = thermal(tmp_path, [300.0, 1000.0], 12)
    drawn = [frame for frame in found if frame.info["origin"] == "harmonic 0"]
    assert len(drawn) == 12
    perfect = label(phonopy_cells.supercell(PRIMITIVE, MATRIX)).get_potential_energy()
    energy = [label(frame).get_potential_energy() - perfect for frame in drawn]
    cold, hot = np.mean(energy[::2]), np.mean(energy[1::2])
    classical = 1.5 * 63 * units.kB
    assert hot == pytest.approx(1000 * classical, rel=0.2)
    assert 300 * classical < cold < 0.6 * hot  # zero-point motion lifts it above equipartition


def test_harmonic_frames_have_the_displaced_cells_before_them(tmp_path):
    engine = silicon_engine("CountingSilicon")
    silicon.CountingSilicon.calls = 0
    found = thermal(tmp_path, [300.0], 2, engine=engine)
    assert silicon.CountingSilicon.calls == 1  # diamond: one displacement by symmetry
    assert [f.info["origin"] for f in found] == ["harmonic 0 displaced", *2 * ["harmonic 0"]]
    ledger = Ledger(tmp_path / "ledger")
    known = ledger.find(engine, found[0])
    assert np.abs(known.get_forces()).max() > 0.1
    assert all(frame.calc is None for frame in found)
    assert {len(frame) for frame in found} == {64}
    again = thermal(tmp_path, [300.0], 2, engine=engine)
    assert silicon.CountingSilicon.calls == 1
    assert [f.info["frame_id"] for f in again] == [f.info["frame_id"] for f in found]
    other = thermal(tmp_path, [300.0], 2, seed=4)
    assert other[1].info["frame_id"] != found[1].info["frame_id"]


def test_harmonic_frames_of_the_cell_that_is_asked_for(tmp_path):
    found = thermal(tmp_path, [300.0], 1, matrix=[[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
    assert {len(frame) for frame in found} == {8}


def test_harmonic_seed_without_force_constants(tmp_path):
    engine = silicon_engine("FragileSilicon", shortest=3.0)
    with pytest.raises(CalculationError, match=r"harmonic seed: displaced cell f.*too close"):
        thermal(tmp_path, [300.0], 1, engine=engine)


def test_helper_makes_different_frames():
    assert frames.frame_id(rattled(0)) != frames.frame_id(rattled(1))
