"""Ab initio dynamics as a seed: it goes on where it was killed, and it is thermal."""

import numpy as np
import pytest
import silicon
from ase import units
from conftest import diamond, label, silicon_engine
from logged import logged

from umklapp import config
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import aimd
from umklapp.reference.ledger import Ledger

AIMD = Origin(kind="aimd", seed=0)


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
