"""A wrong potential, put right by labels in one supercell."""

import numpy as np
import pytest
from ase import Atoms
from models import rattled_silicon, silicon_cubic
from silicon import StillingerWeberSilicon

from umklapp import config
from umklapp.crystals.frames import labelled
from umklapp.errors import InputError
from umklapp.potentials.ase import AsePotential
from umklapp.potentials.contract import Prediction
from umklapp.potentials.taylor.correction import NoPotential, correct, same_cell
from umklapp.transport.kappa_records import Correction

SETTINGS = config.Taylor(noise=1e-4)


class TooSoft:
    """Stillinger–Weber with 20 % of every force missing."""

    def __init__(self):
        self.exact = AsePotential(StillingerWeberSilicon())

    def evaluate(self, frames):
        found = self.exact.evaluate(frames)
        return Prediction(0.8 * found.energy, [0.8 * f for f in found.forces], found.stress)


def labels(n, seed, amplitude=0.03):
    return rattled_silicon(n, seed=seed, amplitude=amplitude, strain=0.0)


def error(potential, frames):
    found = potential.evaluate(frames).forces
    return np.sqrt(np.mean([(a - b.get_forces()) ** 2 for a, b in zip(found, frames, strict=True)]))


def test_correction_removes_the_error_on_frames_it_has_not_seen():
    perfect, unseen = silicon_cubic(), labels(5, seed=9)
    before = TooSoft()
    after, numbers = correct(before, labels(12, seed=1), perfect, SETTINGS)
    assert error(after, unseen) < 0.05 * error(before, unseen)
    assert numbers["labels"] == 12
    assert numbers["residual_after_eV_per_A"] < 0.05 * numbers["residual_before_eV_per_A"]


def test_a_right_potential_stays_as_it_is():
    perfect, unseen = silicon_cubic(), labels(3, seed=9)
    exact = AsePotential(StillingerWeberSilicon())
    after, _ = correct(exact, labels(6, seed=1), perfect, SETTINGS)
    assert error(after, unseen) < 1e-7


@pytest.mark.parametrize("noise", [3e-4, 3e-3])
def test_the_noise_of_the_labels_is_found(noise):
    """The least noise of the settings is 1e-4; labels of engines are often worse."""
    generator, noisy = np.random.default_rng(2), []
    for frame in labels(6, seed=1):
        forces = frame.get_forces() + noise * generator.normal(size=(len(frame), 3))
        noisy.append(labelled(frame, frame.get_potential_energy(), forces))
    _, numbers = correct(TooSoft(), noisy, silicon_cubic(), SETTINGS)
    assert numbers["noise_eV_per_A"] == pytest.approx(noise, rel=0.2)


def test_hot_labels_do_not_spoil_what_quiet_ones_say():
    """The expansion fails in hot frames; their noise is theirs alone."""
    perfect, unseen = silicon_cubic(), labels(5, seed=9)
    quiet, hot = labels(6, seed=1), labels(6, seed=2, amplitude=0.15)
    alone, _ = correct(TooSoft(), quiet, perfect, SETTINGS)
    together, _ = correct(TooSoft(), [*quiet, *hot], perfect, SETTINGS)
    assert error(together, unseen) < 1.2 * error(alone, unseen)


def test_a_noise_below_the_given_one_is_not_believed():
    _, numbers = correct(TooSoft(), labels(6, seed=1), silicon_cubic(), config.Taylor(noise=3e-3))
    assert numbers["noise_eV_per_A"] == pytest.approx(3e-3)


def test_corrected_forces_are_the_gradient_of_the_energy():
    after, _ = correct(TooSoft(), labels(6, seed=1), silicon_cubic(), SETTINGS)
    frame, step = labels(1, seed=5)[0], 1e-4
    moved = []
    for sign in (1, -1):
        other = frame.copy()
        other.positions[2, 1] += sign * step
        moved.append(after.evaluate([other]).energy[0])
    force = after.evaluate([frame]).forces[0][2, 1]
    assert force == pytest.approx(-(moved[0] - moved[1]) / (2 * step), abs=1e-5)


def test_labels_of_other_cells_are_passed_over_and_none_is_an_error():
    perfect = silicon_cubic()
    large = perfect.repeat((2, 1, 1))
    assert not same_cell(large, perfect)
    strained = Atoms(perfect)
    strained.set_cell(perfect.cell.array * 1.01, scale_atoms=True)
    assert not same_cell(strained, perfect)
    with pytest.raises(InputError, match="phonon_supercell"):
        correct(TooSoft(), [large], perfect, SETTINGS)


class Rough:
    """Stillinger–Weber with errors of 20 meV/Å that no expansion about the sites describes."""

    def __init__(self):
        self.exact = AsePotential(StillingerWeberSilicon())

    def evaluate(self, frames):
        found = self.exact.evaluate(frames)
        waves = [0.02 * np.sin(3000 * frame.positions) for frame in frames]
        forces = [f + w - w.mean(axis=0) for f, w in zip(found.forces, waves, strict=True)]
        return Prediction(found.energy, forces, found.stress)


@pytest.mark.parametrize(("potential", "misleads"), [(TooSoft(), False), (Rough(), True)])
def test_labels_that_are_likelier_without_the_potential_say_so(potential, misleads):
    """A rough network in its training: the correction takes what it leaves for noise."""
    perfect, unseen, known = silicon_cubic(), labels(4, seed=9), labels(12, seed=1)
    corrected, numbers = correct(potential, known, perfect, SETTINGS)
    assert Correction.model_validate(numbers).potential_misleads is misleads
    alone, without = correct(NoPotential(), known, perfect, SETTINGS)
    assert without["log_evidence_per_force"] == pytest.approx(
        numbers["log_evidence_without_potential_per_force"]
    )
    assert bool(error(corrected, unseen) > error(alone, unseen)) is misleads
    likelier, chosen = correct(potential, known, perfect, SETTINGS, static=True)
    record = Correction.model_validate(chosen)
    assert record.potential_left_out is misleads
    assert not record.potential_misleads
    assert error(likelier, unseen) == pytest.approx(
        min(error(corrected, unseen), error(alone, unseen))
    )
    assert record.residual_before_eV_per_A == numbers["residual_before_eV_per_A"]
    energies = likelier.evaluate([perfect, *unseen]).energy  # those of the potential at the sites
    assert energies[0] == pytest.approx(potential.evaluate([perfect]).energy[0])
    exact = [label.get_potential_energy() for label in unseen]
    assert np.ptp(energies[1:] - exact) < 0.2 * np.ptp(exact)


def test_quiet_labels_alone_correct_kappa_where_there_are_enough():
    """Hot ones know effective derivatives: the expansion takes up what is beyond its order."""
    perfect, unseen = silicon_cubic(), labels(4, seed=9)
    near, hot = labels(4, seed=1), labels(12, seed=2, amplitude=0.2)
    both, _ = correct(TooSoft(), [*hot, *near], perfect, SETTINGS)
    chosen, numbers = correct(TooSoft(), [*hot, *near], perfect, SETTINGS, static=True)
    record = Correction.model_validate(numbers)
    assert (record.labels, record.labels_too_hot) == (4, 12)
    assert error(chosen, unseen) < 0.7 * error(both, unseen)
    for few in ([*hot, *near[:3]], [*hot, *near[:3], *labels(1, seed=3, amplitude=0.0)]):
        _, numbers = correct(TooSoft(), few, perfect, SETTINGS, static=True)
        assert numbers["labels_too_hot"] == 0


def with_a_hop(frame, distance=1.5):
    """The frame with an atom beyond half a bond (2.35 Å) from its site, labels as they were."""
    moved = frame.copy()
    moved.positions[3] += distance * np.array([1, 1, 1]) / np.sqrt(3)
    return labelled(moved, frame.get_potential_energy(), frame.get_forces())


def test_labels_of_events_are_left_out_and_counted(caplog):
    """Success of the rounds must not break κ: an event label changes nothing but the count."""
    caplog.set_level("INFO")
    perfect, quiet = silicon_cubic(), labels(6, seed=1)
    events = [with_a_hop(quiet[0]), with_a_hop(quiet[1], 2.5)]
    alone, numbers = correct(TooSoft(), quiet, perfect, SETTINGS)
    beside, counted = correct(TooSoft(), [events[0], *quiet, events[1]], perfect, SETTINGS)
    assert (numbers["labels"], numbers["labels_left_out"]) == (6, 0)
    assert (counted["labels"], counted["labels_left_out"]) == (6, 2)
    assert "2 of 8 labels left out" in caplog.text
    unseen = labels(2, seed=9)
    np.testing.assert_allclose(beside.evaluate(unseen).forces, alone.evaluate(unseen).forces)
    with pytest.raises(InputError, match="2 with an atom that has left it"):
        correct(TooSoft(), events, perfect, SETTINGS)
