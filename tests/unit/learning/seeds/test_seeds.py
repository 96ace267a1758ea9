"""Seeds: dynamics that goes on where it was killed, and displacements with the right statistics."""

import numpy as np
import pytest
import silicon
from ase import units
from conftest import diamond, label, rattled, silicon_engine
from logged import logged

from umklapp import config
from umklapp.crystals import frames, materials, phonopy_cells
from umklapp.crystals.frame_info import Origin
from umklapp.errors import CalculationError
from umklapp.learning.seeds import aimd, displaced
from umklapp.reference.ledger import Ledger

AIMD, RATTLED, HARMONIC = (Origin(kind=kind, seed=0) for kind in ("aimd", "rattled", "harmonic"))


def settings(**changes):
    plain = {"temperature": 600, "timestep": 2.0, "friction": 0.02, "steps": 20, "every": 3}
    return config.AimdSeed(**(plain | changes))


def run(folder, chosen, seed=5, engine=None, cell=None):
    engine = engine or silicon_engine()
    ledger = Ledger(folder / "ledger")
    cell = diamond() if cell is None else cell
    return aimd.run(cell, engine, chosen, seed, ledger, folder / "work", AIMD)


def same_frames(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for one, two in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one.positions, two.positions, atol=1e-8)
        np.testing.assert_allclose(one.get_forces(), two.get_forces(), atol=1e-6)
        assert one.get_potential_energy() == pytest.approx(two.get_potential_energy(), abs=1e-7)
        assert one.info["frame_id"] == two.info["frame_id"]
        assert one.info["time"] == two.info["time"]


def test_every_kept_frame_is_a_label(tmp_path):
    found = run(tmp_path, settings())
    assert [frame.info["time"] for frame in found] == [6.0, 12.0, 18.0, 24.0, 30.0, 36.0]
    ledger, engine = Ledger(tmp_path / "ledger"), silicon_engine()
    for frame in found:
        assert frame.info["origin"] == "aimd 0"
        assert frame.info["frame_id"] == frames.frame_id(frame)
        frames.check(frame, "aimd")
        known = ledger.label(engine, frame.info["frame_id"])
        assert known.get_potential_energy() == frame.get_potential_energy()
        np.testing.assert_allclose(label(frame).get_forces(), frame.get_forces(), atol=1e-6)
        np.testing.assert_allclose(label(frame).get_stress(), frame.get_stress(), atol=1e-7)


def test_an_engine_without_stress_runs_too(tmp_path):
    found = run(tmp_path, settings(), engine=silicon_engine("StresslessSilicon"))
    assert len(found) == 6
    assert not any(map(frames.has_stress, found))


@pytest.mark.parametrize("interruptions", [[7], [1, 2, 12], [6], [19]])
def test_interrupted_run_is_the_run(tmp_path, interruptions):
    whole = run(tmp_path / "whole", settings())
    for steps in interruptions:
        run(tmp_path / "parts", settings(steps=steps))
    with logged() as messages:
        parts = run(tmp_path / "parts", settings())
    assert f"continuing at step {interruptions[-1]}" in messages
    same_frames(parts, whole)


@pytest.mark.parametrize("limit", [2, 8, 15])
def test_killed_run_goes_on(tmp_path, limit):
    """An interrupt in the middle of a calculation, as a killed job has it."""
    whole = run(tmp_path / "whole", settings())
    engine = silicon_engine("InterruptedSilicon")
    silicon.InterruptedSilicon.calls, silicon.InterruptedSilicon.limit = 0, limit
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "parts", settings(), engine=engine)
    silicon.InterruptedSilicon.limit = 10**9
    same_frames(run(tmp_path / "parts", settings(), engine=engine), whole)


def test_finished_run_costs_nothing(tmp_path):
    engine = silicon_engine("CountingSilicon")
    first = run(tmp_path, settings(), engine=engine)
    silicon.CountingSilicon.calls = 0
    same_frames(run(tmp_path, settings(), engine=engine), first)
    assert silicon.CountingSilicon.calls == 0


def test_fewer_steps_are_the_beginning(tmp_path):
    whole = run(tmp_path, settings())
    same_frames(run(tmp_path, settings(steps=11)), whole[:3])


@pytest.mark.parametrize(
    "change",
    [{"temperature": 300}, {"timestep": 1.0}, {"friction": 0.1}, {"every": 2}, "seed", "cell"],
)
def test_another_setting_is_another_run(tmp_path, change):
    """Old checkpoints in the same folder are not continued with other settings."""
    more = {}
    chosen = settings()
    if change == "seed":
        more = {"seed": 6}
    elif change == "cell":
        more = {"cell": diamond() * (1, 1, 2)}
    else:
        chosen = settings(**change)
    run(tmp_path / "used", settings())
    same_frames(run(tmp_path / "used", chosen, **more), run(tmp_path / "fresh", chosen, **more))


def test_other_random_numbers_are_another_trajectory(tmp_path):
    one, two = (run(tmp_path / str(seed), settings(steps=3), seed=seed) for seed in (1, 2))
    assert one[0].info["frame_id"] != two[0].info["frame_id"]


def test_potential_energy_of_the_trajectory_is_thermal(tmp_path):
    """Equipartition: (3N − 3)/2 kT above the perfect crystal, but for anharmonicity."""
    crystal, temperature = diamond() * (2, 2, 2), 600.0
    found = run(
        tmp_path,
        settings(temperature=temperature, steps=250, every=5, timestep=3, friction=0.05),
        cell=crystal,
    )
    energies = [frame.get_potential_energy() for frame in found[20:]]
    excess = np.mean(energies) - label(crystal).get_potential_energy()
    expected = 1.5 * (len(crystal) - 1) * units.kB * temperature
    assert excess == pytest.approx(expected, rel=0.15)


# displaced cells


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


PRIMITIVE = materials.primitive_cell(diamond())
MATRIX = [[-2, 2, 2], [2, -2, 2], [2, 2, -2]]


def thermal(folder, temperatures, count, seed=3, engine=None):
    return displaced.harmonic(
        PRIMITIVE,
        MATRIX,
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


def test_harmonic_seed_without_force_constants(tmp_path):
    engine = silicon_engine("FragileSilicon", shortest=3.0)
    with pytest.raises(CalculationError, match=r"harmonic seed: displaced cell f.*too close"):
        thermal(tmp_path, [300.0], 1, engine=engine)


def test_helper_makes_different_frames():
    assert frames.frame_id(rattled(0)) != frames.frame_id(rattled(1))
