"""Labels of another version of a program are compared before they are kept, and always named."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from conftest import label, rattled
from logged import logged

from umklapp import provenance
from umklapp.crystals import frames
from umklapp.crystals.frame_info import FrameInfo
from umklapp.errors import InputError
from umklapp.reference import Failure
from umklapp.reference.ledger import Ledger, label_frames
from umklapp.reference.program_versions import ProgramVersions
from umklapp.reference.programs import named_version


@dataclass
class Program:
    """An engine whose version and forces can be changed; its labels are of Stillinger–Weber."""

    version: str | None = "pw.x 7.0"
    shift: float = 0.0  # eV/Å on every component
    offset: float = 0.0  # eV per atom
    fails_on: str | None = None
    asked: list[str] = field(default_factory=list)
    name: str = "espresso"
    settings_hash: str = "s1"
    earlier_hashes: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)

    def label(self, atoms, workdir, timeout):
        identity = frames.frame_id(atoms)
        self.asked.append(identity)
        if identity == self.fails_on:
            return Failure(identity, "crashed", "no", 2)
        known = label(atoms)
        return frames.labelled(
            atoms,
            known.get_potential_energy() + self.offset * len(atoms),
            known.get_forces() + self.shift,
            program=self.version,
        )


def programs(ledger: Ledger) -> list:
    return ProgramVersions.of(ledger.folder / "s1").programs


def test_a_label_carries_its_program_and_the_ledger_knows_all_versions(ledger, tmp_path):
    made, _ = label_frames([rattled(0), rattled(1)], Program(), ledger, tmp_path, 60)
    assert [FrameInfo.of(frame).program for frame in made] == ["pw.x 7.0"] * 2
    (only,) = programs(ledger)
    assert (only.program, only.first) == ("pw.x 7.0", frames.frame_id(rattled(0)))
    assert only.words == "pw.x 7.0"


def test_another_version_is_compared_on_one_frame_and_said(ledger, tmp_path):
    label_frames([rattled(0), rattled(1)], Program(), ledger, tmp_path, 60)
    newer = Program("pw.x 7.2", shift=2e-4, offset=-3e-5)
    with logged() as messages:
        made, _ = label_frames([rattled(2), rattled(3)], newer, ledger, tmp_path, 60)
    wanted = [frames.frame_id(rattled(seed)) for seed in (2, 0, 3)]
    assert newer.asked == wanted  # one label more, once
    assert [FrameInfo.of(frame).program for frame in made] == ["pw.x 7.2"] * 2
    other = programs(ledger)[1]
    assert other.forces_eV_per_A == pytest.approx(2e-4, rel=1e-3)
    assert other.energy_eV_per_atom == pytest.approx(3e-5, rel=1e-2)
    assert any(
        "pw.x 7.2 (on one frame 0.03 meV per atom and 0.2 meV/Å rms from pw.x 7.0)" in text
        for text in messages
    )
    known, _ = label_frames([rattled(0)], newer, ledger, tmp_path, 60)
    assert FrameInfo.of(known[0]).program == "pw.x 7.0"


@pytest.mark.parametrize("change", [{"shift": 0.002}, {"offset": 0.002}])
def test_a_version_that_disagrees_labels_nothing(ledger, tmp_path, change):
    label_frames([rattled(0)], Program(), ledger, tmp_path, 60)
    newer = Program("pw.x 7.2", **change)
    with pytest.raises(InputError, match=r"Load pw\.x 7\.0 again, or move .*s1 away: then pw\.x 7"):
        label_frames([rattled(1)], newer, ledger, tmp_path, 60)
    assert [version.program for version in programs(ledger)] == ["pw.x 7.0"]
    assert ledger.find(newer, rattled(1)) is None
    same, _ = label_frames([rattled(1)], Program(), ledger, tmp_path, 60)
    assert FrameInfo.of(same[0]).program == "pw.x 7.0"


@pytest.mark.parametrize("gone", [False, True])
def test_versions_that_cannot_be_compared_are_said_to_be_so(ledger, tmp_path, gone):
    """The new version fails on the earlier frame, or somebody has taken its label away."""
    label_frames([rattled(0)], Program(), ledger, tmp_path, 60)
    first = frames.frame_id(rattled(0))
    if gone:
        (ledger.folder / "s1" / f"{first}.extxyz").unlink()
    newer = Program("pw.x 7.2", fails_on=first)
    made, failures = label_frames([rattled(1)], newer, ledger, tmp_path, 60)
    assert (len(made), failures) == (1, [])
    assert "not compared with pw.x 7.0" in programs(ledger)[1].words


def test_labels_without_a_version_are_taken_as_before(ledger, tmp_path):
    unknown = Program(None)
    label_frames([rattled(0)], unknown, ledger, tmp_path, 60)
    label_frames([rattled(1)], Program(), ledger, tmp_path, 60)
    assert [version.program for version in programs(ledger)] == ["pw.x 7.0"]
    assert unknown.asked == [frames.frame_id(rattled(0))]


def test_a_frame_that_another_program_labelled_has_no_version_of_it(ledger, tmp_path):
    """A frame of a cheap surface, say, that the reference labels without saying its version."""
    cheap = frames.labelled(rattled(0), 0.0, np.zeros((len(rattled(0)), 3)), program="cheap 1.0")
    made, _ = label_frames([cheap], Program(None), ledger, tmp_path, 60)
    assert FrameInfo.of(made[0]).program is None


def test_an_installed_calculator_is_named_with_its_version(tmp_path, ledger):
    from umklapp import config
    from umklapp.reference import create

    engine = create(
        config.AseCalculator(engine="ase", calculator="ase.calculators.lj:LennardJones")
    )
    assert engine.made_by(LennardJones()) == provenance.installed("ase")
    own = create(config.AseCalculator(engine="ase", calculator="silicon:StillingerWeberSilicon"))
    assert own.made_by(LennardJones()) is None


@pytest.mark.parametrize(
    ("engine", "file", "text", "named"),
    [
        (
            "espresso",
            "espresso.pwo",
            "\n     Program PWSCF v.6.7MaX starts on 27Nov2026\n",
            "pw.x 6.7MaX",
        ),
        ("espresso", "espresso.pwo", "     Program PWSCF v.7.2 starts\n", "pw.x 7.2"),
        ("vasp", "OUTCAR", " vasp.6.4.2 20Jul23 (build Aug  2 2023) complex\n", "VASP 6.4.2"),
        ("aims", "aims.out", "  FHI-aims version      : 190813\n", "FHI-aims 190813"),
        ("aims", "aims.out", "no version at all\n", None),
    ],
)
def test_versions_that_outputs_name(tmp_path: Path, engine, file, text, named):
    from umklapp.reference import aims, espresso, vasp

    program = {"espresso": "pw.x", "vasp": "VASP", "aims": "FHI-aims"}[engine]
    pattern = {"espresso": espresso, "vasp": vasp, "aims": aims}[engine].VERSION
    assert named_version(program, pattern, tmp_path / file) is None
    (tmp_path / file).write_text(text)
    assert named_version(program, pattern, tmp_path / file) == named
