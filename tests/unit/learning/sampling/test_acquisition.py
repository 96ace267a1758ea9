from dataclasses import replace

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.io import read
from hypothesis import given
from hypothesis import strategies as st
from scipy import signal

from umklapp import config
from umklapp.crystals import frames, sites
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.errors import InputError
from umklapp.learning.sampling import acquisition, strategies
from umklapp.learning.sampling.candidates import Candidates, Knowledge, Spread

U, E = Spread(0.1, 0.02), Spread(0.03, 0.004)
KNOWN = Knowledge(U, E, bond=2.8, lower=0.05)
STRATEGIES = ("threshold", "almomd", "random")


def explored(n, seed=0, replicas=3):
    """n viable frames that are all uncertain and all of low energy."""
    generator = np.random.default_rng(seed)
    u = U.mean + U.std * generator.uniform(5, 9, n)
    return Candidates(
        uncertainty=u,
        expected=2 * u,
        energy=np.full(n, E.mean),
        atoms=np.full(n, 64),
        target=np.full(n, 300.0),
        shortest=np.full(n, 2.6),
        replica=np.arange(n) % replicas,
        time=10.0 * (np.arange(n) // replicas),
        descriptors=generator.normal(size=(n, 6)),
    )


def select(candidates, seed=0, known=KNOWN, **changes):
    options = {"spacing": 40.0, "batch_size": 5} | changes
    settings = config.Acquisition(**options)
    return acquisition.select(candidates, known, settings, np.random.default_rng(seed))


@given(
    st.sampled_from(STRATEGIES), st.sampled_from(["logdet", "farthest", "none"]),
    st.integers(0, 1000), st.integers(1, 12), st.floats(0, 100), st.integers(1, 60),
)  # fmt: skip
def test_what_is_chosen_keeps_every_promise(strategy, diversity, seed, batch, spacing, n):
    frames = explored(n, seed)
    options = {"strategy": strategy, "diversity": diversity}
    found = select(frames, seed, spacing=spacing, batch_size=batch, **options)
    chosen = found.chosen
    assert chosen == select(frames, seed, spacing=spacing, batch_size=batch, **options).chosen
    assert 1 <= len(chosen) <= batch
    assert chosen == sorted(set(chosen))
    for a in chosen:
        for b in chosen:
            if a != b and frames.replica[a] == frames.replica[b]:
                assert abs(frames.time[a] - frames.time[b]) >= spacing


BAD = {
    "not finite": ("uncertainty", np.nan),
    "energy too high": ("energy", 1.0),
    "energy too low": ("energy", -1.0),
    "atoms too close": ("shortest", 1.0),
}


@given(
    st.sampled_from(STRATEGIES),
    st.lists(st.sampled_from([None, *BAD]), min_size=1, max_size=20),
    st.integers(0, 100),
)
def test_nothing_that_is_not_viable_is_ever_chosen(strategy, fates, seed):
    frames = explored(len(fates), seed)
    for number, fate in enumerate(fates):
        if fate:
            column, value = BAD[fate]
            getattr(frames, column)[number] = value
    found = select(frames, seed, strategy=strategy, spacing=0.0, batch_size=len(fates))
    assert all(fates[number] is None for number in found.chosen)
    assert (found.probability[[fate is not None for fate in fates]] == 0).all()
    for words in BAD:
        assert found.counts.get(words, 0) == fates.count(words)
    assert found.counts["viable"] == fates.count(None)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["uncertainty", "energy"])
def test_numbers_that_are_not_finite_are_not_viable(bad, column):
    frames = explored(9)
    getattr(frames, column)[[0, 4, 8]] = bad
    for strategy in STRATEGIES:
        found = select(frames, strategy=strategy, spacing=0.0, batch_size=9)
        assert not set(found.chosen) & {0, 4, 8}


@given(st.sampled_from(["threshold", "almomd"]), st.integers(0, 100), st.floats(0, 0.3))
def test_more_uncertainty_never_lowers_the_probability(strategy, seed, more):
    frames = explored(12, seed)
    before = select(frames, strategy=strategy).probability
    raised = replace(
        frames, uncertainty=frames.uncertainty + more, expected=frames.expected + 2 * more
    )
    assert (select(raised, strategy=strategy).probability >= before - 1e-12).all()


def test_the_published_probability_is_the_product():
    frames = replace(
        explored(2),
        uncertainty=U.mean + U.std * np.array([2.0, 2.0]),
        energy=E.mean + E.std * np.array([0.0, 1.8]),
    )
    assert select(frames, strategy="almomd").probability == pytest.approx([0.5, 0.1])


def test_published_acceptance_is_as_frequent_as_its_probability_says():
    n = 4000
    frames = replace(
        explored(n, replicas=n),
        uncertainty=np.full(n, U.mean + 2 * U.std),
        energy=np.full(n, E.mean + 1.8 * E.std),
        descriptors=np.arange(n, dtype=float)[:, None],
    )
    found = select(frames, strategy="almomd", spacing=0.0)
    assert found.probability == pytest.approx(0.1)
    assert abs(found.counts["accepted"] - 400) < 4 * np.sqrt(n * 0.1 * 0.9)


def test_certain_frames_are_left_alone():
    calm = replace(explored(50), uncertainty=np.full(50, U.mean), expected=np.full(50, 0.04))
    assert select(calm, strategy="threshold").chosen == []
    assert select(calm, strategy="almomd", seed=1).chosen == []
    assert select(calm, strategy="random").chosen


def test_the_threshold_prefers_what_can_be_afforded():
    frames = replace(explored(6, replicas=6), expected=np.full(6, 0.2))
    thermal = 1.5 * units.kB * 300
    frames = replace(frames, energy=thermal + 0.004 * np.array([5.0, 5, 5, 5, 5, 0]))
    assert select(frames, batch_size=1).chosen == [5]


@given(st.integers(0, 1000), st.sampled_from(["logdet", "farthest", "none"]))
def test_the_choice_does_not_depend_on_the_order_of_the_candidates(seed, diversity):
    frames = explored(30, seed)
    order = np.random.default_rng(seed).permutation(30)
    mixed = Candidates(**{name: value[order] for name, value in vars(frames).items()})
    found = select(frames, diversity=diversity).chosen
    again = sorted(order[select(mixed, diversity=diversity).chosen].tolist())
    assert again == found


def test_another_seed_draws_others():
    frames = explored(60)
    assert len({tuple(select(frames, seed, strategy="random").chosen) for seed in range(6)}) > 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("diversity", ["logdet", "farthest", "none"])
def test_near_identical_frames_are_taken_once(strategy, diversity):
    frames = replace(
        explored(6, replicas=6),
        descriptors=np.array([[0.0], [0.0], [1.0], [1.0 + 1e-9], [2.0], [2.0]]),
    )
    found = select(frames, strategy=strategy, diversity=diversity, batch_size=6)
    assert sorted(np.round(frames.descriptors[found.chosen, 0])) == [0, 1, 2]
    assert "3 different frames for a batch of 6: all are taken" in found.notes


def test_without_calibration_the_threshold_says_so():
    frames = replace(explored(5), expected=np.full(5, np.nan))
    with pytest.raises(InputError, match=r"agree exactly.*random"):
        select(frames, strategy="threshold")
    assert select(frames, strategy="random").chosen


def test_no_frames_no_choice():
    empty = Candidates(**{name: value[:0] for name, value in vars(explored(3)).items()})
    found = select(empty)
    assert found.chosen == []
    assert found.notes == ["nothing was explored"]


# viability


def test_unphysical_frames_of_a_real_data_set_are_rejected(shared):
    """KCl by VASP: displacements up to 1.5 Å, energies up to 16 eV per atom above the crystal."""
    folder = shared / "data/dft"
    labels = read(folder / "KCl-225_vasp_mlpsscha.extxyz", ":")
    perfect = read(folder / "KCl-225_vasp_mlpsscha_reference.extxyz")
    total = np.array([frame.get_potential_energy() for frame in labels])
    energy = (total - total.min()) / 64
    quiet = np.sort(energy)[:24]
    known = Knowledge(U, Spread.of(quiet), sites.bond_length(perfect), 0.05)
    frames = replace(
        explored(len(labels), replicas=len(labels)),
        energy=energy,
        target=np.full(len(labels), np.nan),
        shortest=np.array([sites.shortest_distance(frame) for frame in labels]),
    )
    reasons = np.array(strategies.viability(frames, known, config.Acquisition()))
    assert (reasons[energy <= quiet.max()] == "").all()
    assert (reasons[energy > 0.3] != "").all()
    assert 60 < (reasons != "").sum() < 96
    for strategy in STRATEGIES:
        chosen = select(frames, known=known, strategy=strategy, batch_size=120).chosen
        assert energy[chosen].max() < 0.3


# spacing and diversity


def test_automatic_spacing_is_two_correlation_times():
    frames = explored(300, replicas=3)
    assert acquisition.spacing_of(frames) == pytest.approx(10, rel=0.6)  # white noise every 10 fs
    assert acquisition.spacing_of(explored(3)) == 0.0
    auto, given = config.Acquisition(spacing="auto"), config.Acquisition(spacing=70.0)
    assert acquisition.least_spacing(frames, auto) == acquisition.spacing_of(frames)
    assert acquisition.least_spacing(frames, given) == 70.0


@pytest.mark.parametrize("memory", [0.6, 0.9])
def test_automatic_spacing_is_two_exact_correlation_times(memory):
    """Of an autoregressive process: ½ + m/(1 − m) steps. Half of that would be well outside."""
    generator = np.random.default_rng(3)
    noise, frames = generator.normal(size=30000), explored(30000, replicas=1)
    series = signal.lfilter([1.0], [1.0, -memory], noise)
    frames = replace(
        frames, uncertainty=series, replica=np.zeros(30000, int), time=10.0 * np.arange(30000)
    )
    wanted = 2 * (0.5 + memory / (1 - memory)) * 10
    assert acquisition.spacing_of(frames) == pytest.approx(wanted, rel=0.15)


def test_a_picked_frame_knows_its_row_and_why():
    explored = [bulk("Si", cubic=True) for _ in range(4)]
    for row, atoms in enumerate(explored):
        atoms.positions += 0.01 * row
    selection = acquisition.Selection([1], np.array([0.1, 0.2, 0.3, 0.4]), {})
    measured = np.array([0.5, 0.6, 0.7, 0.8])
    origin = Origin(kind="round", index=2)
    picked = acquisition.picked(explored, [1, 3], selection, measured, "Si-227", origin)
    infos = [FrameInfo.of(atoms) for atoms in picked]
    assert [(i.explored, i.uncertainty, i.probability) for i in infos] == [
        (1, 0.6, 0.2),
        (3, 0.8, 0.4),
    ]
    assert {(i.material, i.origin) for i in infos} == {("Si-227", origin)}
    assert [i.frame_id for i in infos] == [frames.frame_id(explored[row]) for row in (1, 3)]
    assert "origin" not in explored[1].info
