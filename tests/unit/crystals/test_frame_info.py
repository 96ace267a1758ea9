"""Info of frames: one typed object, the same text in extxyz files as ever."""

import numpy as np
import pytest
from conftest import diamond, label, rattled
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from umklapp.crystals import frame_info, frames
from umklapp.crystals.frame_info import FrameInfo, Origin
from umklapp.errors import InputError

SEEDS = ("aimd", "rattled", "harmonic", "frames", "nomad", "low_fidelity")
COUNT = st.integers(0, 200)

ORIGINS = st.one_of(
    st.builds(Origin, kind=st.sampled_from(SEEDS), seed=COUNT, index=st.one_of(st.none(), COUNT)),
    st.builds(Origin, kind=st.just("displaced"), seed=COUNT),
    st.builds(Origin, kind=st.sampled_from(["curvature", "round"]), index=COUNT),
    st.builds(Origin, kind=st.just("other"), text=st.sampled_from(["hot test", "md 0", "x"])),
)


@given(ORIGINS)
def test_an_origin_is_read_as_it_was_written(origin):
    assert Origin.parse(str(origin)) == origin


@pytest.mark.parametrize(
    ("text", "kind", "seed", "index"),
    [
        ("aimd 0", "aimd", 0, None),
        ("harmonic 1", "harmonic", 1, None),
        ("harmonic 1 displaced", "displaced", 1, None),
        ("frames 0 3", "frames", 0, 3),
        ("round_02", "round", None, 2),
        ("audit_11", "audit", None, 11),
        ("curvature 4", "curvature", None, 4),
        ("not displaced", "other", None, None),
        ("displaced 64", "other", None, None),
    ],
)
def test_texts_of_earlier_files(text, kind, seed, index):
    origin = Origin.parse(text)
    assert (origin.kind, origin.seed, origin.index) == (kind, seed, index)
    assert str(origin) == text


def test_only_displaced_cells_are_displaced():
    texts = ("harmonic 0", "harmonic 0 displaced", "rattled 1", "displaced", "curvature 0")
    assert [Origin.parse(text).displaced for text in texts] == [False, True, False, False, False]


@pytest.mark.parametrize(
    "fields", [{"kind": "aimd"}, {"kind": "round"}, {"kind": "other", "seed": 1, "text": "x"}]
)
def test_an_origin_without_its_numbers_is_refused(fields):
    with pytest.raises(ValidationError, match="seed or index"):
        Origin(**fields)


def test_all_fields_survive_a_file(tmp_path):
    info = FrameInfo(
        material="Si-227",
        origin=Origin(kind="low_fidelity", seed=3),
        frame_id="f012345678901234",
        engine="cheap surface",
        settings_hash="s12",
        program="GPAW 26.7.0",
        untested="forces per bohr; energies in meV",
        time=1.5,
        explored=np.int64(4),
        uncertainty=np.float64(0.25),
        probability=0.5,
        replica=0,
        stage=1,
        order=0.75,
        place=0,
    )
    assert all(getattr(info, name) is not None for name in FrameInfo.model_fields)
    frame = label(rattled(1))
    info.put(frame)
    frames.write_frames(tmp_path / "frames.extxyz", [frame])
    (back,) = frames.read_frames(tmp_path / "frames.extxyz")
    expected = info.model_copy(update={"frame_id": frames.frame_id(frame)})
    assert FrameInfo.of(back) == expected


def test_entries_of_the_user_are_kept_and_not_read():
    atoms = diamond()
    atoms.info.update(temperature=300.0, note="mine")
    frame_info.mark(atoms, origin="aimd 0", time=2.0)
    assert FrameInfo.of(atoms) == FrameInfo(origin=Origin(kind="aimd", seed=0), time=2.0)
    assert frames.strip(atoms).info["note"] == "mine"


def test_a_field_is_taken_away():
    atoms = diamond()
    frame_info.mark(atoms, engine="gpaw", material="Si-227")
    frame_info.mark(atoms, engine=None)
    assert atoms.info == {"material": "Si-227"}


def test_an_unknown_field_is_refused():
    with pytest.raises(ValidationError, match="colour"):
        frame_info.mark(diamond(), colour="red")


def test_a_name_that_the_user_gives_another_meaning_is_named():
    atoms = diamond()
    atoms.info["stage"] = "nvt"
    with pytest.raises(InputError, match=r"info 'stage' is 'nvt'.*call the entry"):
        FrameInfo.of(atoms)


def test_a_row_is_asked_only_of_acquired_frames():
    atoms = diamond()
    frame_info.mark(atoms, explored=7)
    assert frame_info.explored_row(atoms) == 7
    with pytest.raises(InputError, match="not acquired"):
        frame_info.explored_row(diamond())
