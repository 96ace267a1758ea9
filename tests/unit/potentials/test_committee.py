import ast
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from hypothesis import given
from hypothesis import strategies as st
from models import rattled_silicon, silicon_cubic, springs, sw_potential

from umklapp import config, provenance
from umklapp.errors import InputError
from umklapp.potentials.committee import Committee, member_frames, subsample, subsample_groups

ROOT = Path(__file__).resolve().parents[3]


def test_an_empty_committee_is_refused():
    with pytest.raises(InputError, match="at least one"):
        Committee([])


def test_members_keep_their_order_and_shape():
    perfect, frames = silicon_cubic(), rattled_silicon(3)
    members = [springs(perfect, k) for k in (1.0, 4.0)]
    committee = Committee(members)
    found = committee.evaluate_members(frames)
    assert len(committee) == 2
    assert found.energy.shape == (2, 3)
    assert found.stress.shape == (2, 3, 6)
    assert [each.shape for each in found.forces] == [(2, 8, 3)] * 3
    np.testing.assert_allclose(found.energy[1], 4 * found.energy[0])
    for number, frame in enumerate(frames):
        for k, member in enumerate(members):
            np.testing.assert_array_equal(
                found.forces[number][k], member.evaluate([frame]).forces[0]
            )


def test_the_committee_is_the_mean_of_its_members():
    perfect, frames = silicon_cubic(), rattled_silicon(2)
    mean = Committee([springs(perfect, 1.0, 3.0), springs(perfect, 4.0, -1.0)]).evaluate(frames)
    one = springs(perfect, 2.5, 1.0).evaluate(frames)
    np.testing.assert_allclose(mean.energy, one.energy)
    np.testing.assert_allclose(mean.forces, one.forces)


def test_frames_of_different_sizes_go_together():
    frame = rattled_silicon(1)[0]
    found = Committee([sw_potential()]).evaluate_members([frame, frame.repeat((2, 1, 1))])
    assert [each.shape for each in found.forces] == [(1, 8, 3), (1, 16, 3)]
    assert found.energy[0, 1] == pytest.approx(2 * found.energy[0, 0])


def test_a_missing_stress_is_nan_not_zero():
    found = Committee([springs(silicon_cubic(), 1.0)]).evaluate(rattled_silicon(1))
    assert np.isnan(found.stress).all()


def test_no_frames_give_empty_predictions():
    found = Committee([sw_potential(), sw_potential()]).evaluate_members([])
    assert found.energy.shape == (2, 0)
    assert found.mean.stress.shape == (0, 6)
    assert found.forces == []


@given(
    n=st.integers(2, 60),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 2**31),
    member=st.integers(0, 9),
    seeds=st.integers(1, 4),
)
def test_a_subsample_splits_all_frames_in_two(n, fraction, seed, member, seeds):
    train, held = subsample(n, fraction, seed, member, seeds)
    assert sorted([*train, *held]) == list(range(n))
    assert len(train) >= 1
    assert len(held) >= 1
    block = max(2, round(1 / min(fraction, 1 - fraction)))
    smaller = min(len(train), len(held))
    assert n // block <= max(smaller, 1) <= -(-n // block)
    assert list(train) == sorted(train)


GROUPS = st.lists(st.sampled_from([("aimd", 8), ("rattled", 8), ("rattled", 64)]), min_size=6)


@given(groups=GROUPS, more=GROUPS, seed=st.integers(0, 2**31), member=st.integers(0, 5))
def test_every_kind_and_cell_has_its_own_blocks(groups, more, seed, member):
    """One frame of every whole block of six validates, whatever the order of the kinds; frames
    that come later move none to the other side."""
    train, held = subsample_groups(groups, 5 / 6, seed, member, 2)
    assert sorted([*train, *held]) == list(range(len(groups)))
    assert len(train) >= 1
    assert len(held) >= 1
    by_group = [sum(groups[i] == group for i in held) for group in dict.fromkeys(groups)]
    sizes = [groups.count(group) for group in dict.fromkeys(groups)]
    drawn = all(n // 6 <= found <= -(-n // 6) for n, found in zip(sizes, by_group, strict=True))
    plain = subsample(len(groups), 5 / 6, seed, member, 2)[1]
    assert drawn or list(held) == list(plain)
    if max(sizes) >= 6:  # else the first draw may have had none of any group
        later = subsample_groups([*groups, *more], 5 / 6, seed, member, 2)[1]
        assert set(held) <= set(later)
        assert not set(train) & set(later)


def test_members_share_a_subsample_in_groups():
    parts = [tuple(subsample(30, 0.8, 5, member, 2)[0]) for member in range(6)]
    assert parts[0] == parts[1]
    assert parts[2] == parts[3]
    assert parts[4] == parts[5]
    assert len(set(parts)) == 3
    assert tuple(subsample(30, 0.8, 6, 0, 2)[0]) != parts[0]


def test_one_frame_cannot_be_split():
    with pytest.raises(InputError, match="at least 2"):
        subsample(1, 0.8, 0, 0, 1)


@given(n=st.integers(6, 60), more=st.integers(0, 40), seed=st.integers(0, 2**31))
def test_a_frame_never_changes_sides_when_the_data_grow(n, more, seed):
    """What has validated a member has never trained it: warm starts stay honest."""
    train, held = subsample(n, 5 / 6, seed, 0, 1)
    later_train, later_held = subsample(n + more, 5 / 6, seed, 0, 1)
    assert set(train) <= set(later_train)
    assert set(held) <= set(later_held)


def test_every_frame_by_its_own_member():
    perfect, frames = silicon_cubic(), rattled_silicon(3)
    committee = Committee([springs(perfect, 1.0, 5.0), springs(perfect, 4.0)])
    found = committee.evaluate_each(frames, [1, 0, 1])
    for number, member in enumerate([1, 0, 1]):
        alone = committee.members[member].evaluate([frames[number]])
        assert found.energy[number] == alone.energy[0]
        np.testing.assert_array_equal(found.forces[number], alone.forces[0])


def test_members_without_features_have_none():
    assert Committee([springs(silicon_cubic(), 1.0)]).features(rattled_silicon(1)) is None


@given(st.integers(3, 40), st.integers(0, 20), st.integers(0, 99), st.integers(0, 5))
def test_what_validates_a_member_never_trains_it_in_a_later_stage(n, more, root, member):
    """Fine-tuning, and training on a data set that has grown, draw the parts of the first one."""
    labels = [Atoms("H", positions=[[number, 0, 0]]) for number in range(n + more)]
    settings = config.Committee(subsamples=3, seeds=2, fraction=0.5)
    learned, held_back = member_frames(labels[:n], settings, root, "Si-227", member)
    later, _ = member_frames(labels, settings, root, "Si-227", member)
    assert len(learned) + len(held_back) == n
    assert not {id(atoms) for atoms in later} & {id(atoms) for atoms in held_back}


def test_parts_of_earlier_campaigns_stay():
    """The derivation of the stream is part of what a campaign continues with."""
    labels = [Atoms("H") for _ in range(23)]
    settings = config.Committee(subsamples=2, seeds=1)
    stream = provenance.seed_for(7, "Si-227")
    expected, _ = subsample_groups([("other", 1)] * 23, settings.fraction, stream, 1, 1)
    learned, _ = member_frames(labels, settings, 7, "Si-227", 1)
    assert [id(atoms) for atoms in learned] == [id(labels[index]) for index in expected]


@pytest.mark.parametrize("script", ["train", "finetune"])
def test_every_stage_of_a_member_draws_by_the_same_function(script):
    tree = ast.parse((ROOT / f"scripts/{script}.py").read_text())
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert "member_frames" in called
    assert "subsample" not in called
