"""What a freshly trained committee is worth: errors on the test set, calibration, statistics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from ase import Atoms
from pydantic import Field

from umklapp.crystals import frame_info
from umklapp.crystals.frame_info import FrameInfo
from umklapp.crystals.frames import has_stress, stress_of
from umklapp.lattice.harmonic_reference import HarmonicReference
from umklapp.learning.sampling import calibration, uncertainty
from umklapp.learning.sampling.calibration import Honesty
from umklapp.learning.sampling.candidates import Spread, SpreadNumbers
from umklapp.potentials.committee import Committee
from umklapp.potentials.contract import CommitteePrediction
from umklapp.potentials.training_records import Finetuning, Training
from umklapp.potentials.training_residuals import Left
from umklapp.records import Part, Record

UNKNOWN = "version not recorded"
"""Of labels from before programs were recorded, and of labels of others."""


class Errors(Part):
    """Errors of the committee mean in physical units; stress is None where nothing has one."""

    force_mae_eV_per_A: float
    force_rmse_eV_per_A: float
    force_rms_reference_eV_per_A: float
    energy_mae_eV_per_atom: float
    stress_mae_eV_per_A3: float | None


class Member(Part):
    """A member in a committee's record, from its training.json."""

    member: int
    seed: int
    model: str
    epochs: int
    validation: dict[str, float]


class FinetunedMember(Part):
    """A member in a committee's record, from its finetune.json."""

    member: int
    best_step: int
    before: dict[str, float]
    after: dict[str, float]
    forgetting: float
    phonons: dict[str, dict[str, float]]


class CommitteeFinetuning(Part):
    """What fine-tuning did to the members: in numbers and in words.

    labels: reference calculations behind the second derivatives, once per material. limit: largest
    allowed `forgetting`, the largest force error after over before.
    """

    members: list[FinetunedMember]
    labels: int
    limit: float
    forgetting: float
    words: str


class CommitteeRecord(Record):
    """committee.json: what a freshly trained committee is worth.

    reference_energy_eV_per_atom: of every member on the perfect crystal. calibration_factor: that
    turns u_I into an expected error, None where there is no uncertainty. conformal_90: see
    `calibration.conformal_factor`. statistics: of the uncertainties and of the energy above the
    crystal on the calibration frames. frames: counts, `train`, `calibration`, `test`. left: what
    every member leaves of the labels that it learned, by kind and cell. programs: training labels
    by the program and version that made them. untested: number of given training labels by what
    their file was too small to exclude (`FrameInfo.untested`).
    """

    reference_energy_eV_per_atom: list[float]
    calibration_factor: float | None
    conformal_90: float | None
    statistics: dict[str, SpreadNumbers]
    test: Errors
    calibration: Errors
    honesty: Honesty
    notes: list[str]
    frames: dict[str, int]
    members: list[Member] = Field(default_factory=list)
    finetune: CommitteeFinetuning | None = None
    left: list[tuple[Left, ...]] = Field(default_factory=list)
    programs: dict[str, int] = Field(default_factory=dict)
    untested: dict[str, int] = Field(default_factory=dict)

    @property
    def labelled_by(self) -> str:
        """Programs and versions behind the training labels, each with its number of labels."""
        return by_programs(self.programs)

    @property
    def mixed_versions(self) -> bool:
        """Whether more than one program or version is known to have made the training labels."""
        return len(self.programs.keys() - {UNKNOWN}) > 1

    @property
    def not_tested(self) -> str:
        """Which training labels may be wrong without it showing; empty where there are none."""
        parts = [f"{count} may be {causes}" for causes, count in sorted(self.untested.items())]
        return f"given labels not fully tested: {', and '.join(parts)}" if parts else ""


def programs_of(labels: Sequence[Atoms]) -> dict[str, int]:
    """Labels by the program and version that made them."""
    return dict(Counter(FrameInfo.of(label).program or UNKNOWN for label in labels))


def by_programs(programs: Mapping[str, int]) -> str:
    """Programs and versions, each with its number of labels, in words."""
    counts = sorted(programs.items())
    return ", ".join(f"{program} ({count})" for program, count in counts) or UNKNOWN


def reference_energies(committee: Committee, perfect: Atoms) -> np.ndarray:
    """Energy of every member on the perfect crystal R0, (K,) eV per atom."""
    return np.asarray(committee.evaluate_members([perfect]).energy[:, 0] / len(perfect))


def errors(prediction: CommitteePrediction, frames: Sequence[Atoms]) -> Errors:
    """Errors of the committee mean on labelled frames."""
    mean = prediction.mean
    force = np.concatenate(
        [
            (ours - frame.get_forces()).ravel()
            for ours, frame in zip(mean.forces, frames, strict=True)
        ]
    )
    energy = np.array(
        [
            (ours - frame.get_potential_energy()) / len(frame)
            for ours, frame in zip(mean.energy, frames, strict=True)
        ]
    )
    labelled = [frame_index for frame_index, frame in enumerate(frames) if has_stress(frame)]
    stress = [mean.stress[frame_index] - stress_of(frames[frame_index]) for frame_index in labelled]
    reference = np.concatenate([frame.get_forces().ravel() for frame in frames])
    return Errors(
        force_mae_eV_per_A=float(np.abs(force).mean()),
        force_rmse_eV_per_A=float(np.sqrt((force**2).mean())),
        force_rms_reference_eV_per_A=float(np.sqrt((reference**2).mean())),
        energy_mae_eV_per_atom=float(np.abs(energy).mean()),
        stress_mae_eV_per_A3=float(np.abs(np.array(stress)).mean()) if stress else None,
    )


def judge(
    committee: Committee,
    perfect: Atoms,
    calibration_frames: Sequence[Atoms],
    test: Sequence[Atoms],
    harmonic: HarmonicReference | None = None,
) -> tuple[CommitteeRecord, pd.DataFrame]:
    """The record of the committee, and a row per test frame with uncertainty and error.

    Args:
        perfect: crystal R0 that energies are counted from.
        calibration_frames: behind the calibration factor and the acquisition statistics.
        test: frames behind the reported errors; none of them is used for anything else.
        harmonic: for σᴬ; frames of other cells have none.
    """
    zero = reference_energies(committee, perfect)
    on_calibration = committee.evaluate_members(calibration_frames)
    spread = uncertainty.measure(
        on_calibration, zero, harmonic_forces(calibration_frames, harmonic)
    )
    energy = uncertainty.relative_energy(on_calibration, zero)
    atom_errors = calibration.force_errors(on_calibration, calibration_frames)
    factor = calibration.calibration_factor(atom_errors, spread.per_atom)
    on_test = committee.evaluate_members(test)
    test_spread = uncertainty.measure(on_test, zero, harmonic_forces(test, harmonic))
    test_errors = calibration.force_errors(on_test, test)
    largest = test_spread.of("force_max")
    table = pd.DataFrame(
        {
            "frame_id": [frame_info.identity(frame) for frame in test],
            "origin": [str(FrameInfo.of(frame).origin or "") for frame in test],
            "uncertainty_eV_per_A": largest,
            "expected_error_eV_per_A": (factor or np.nan) * largest,
            "error_eV_per_A": [frame_errors.max() for frame_errors in test_errors],
        }
    )
    statistics = {name: Spread.of(spread.of(name)) for name in uncertainty.NAMES}
    statistics["energy_above_crystal"] = Spread.of(energy)
    report = CommitteeRecord(
        reference_energy_eV_per_atom=zero.tolist(),
        calibration_factor=factor,
        conformal_90=calibration.conformal_factor(atom_errors, spread.per_atom),
        statistics={name: statistic.numbers() for name, statistic in statistics.items()},
        test=errors(on_test, test),
        calibration=errors(on_calibration, calibration_frames),
        honesty=calibration.summarise(test_errors, test_spread.per_atom, factor),
        notes=calibration.notes(len(calibration_frames), factor, len(committee)),
        frames={"calibration": len(calibration_frames), "test": len(test)},
    )
    return report, table


def with_training(
    report: CommitteeRecord,
    training: Sequence[Training],
    finetune: Sequence[Finetuning],
    dataset: Sequence[Atoms],
) -> CommitteeRecord:
    """The record with what is known of the members' training.

    Args:
        finetune: none where members are not fine-tuned. dataset: what the members learned from.
    """
    tuned = finetuning(finetune) if finetune else None
    members = [Member(**{name: getattr(r, name) for name in Member.model_fields}) for r in training]
    return report.model_copy(
        update={
            "members": members,
            "finetune": tuned,
            "left": [record.left for record in training if record.left],
            "notes": [*report.notes, tuned.words] if tuned else report.notes,
            "frames": {**report.frames, "train": len(dataset)},
            "programs": programs_of(dataset),
            "untested": dict(
                Counter(untested for label in dataset if (untested := FrameInfo.of(label).untested))
            ),
        }
    )


def finetuning(records: Sequence[Finetuning]) -> CommitteeFinetuning:
    """What fine-tuning did to the members, from their `finetune.json`."""
    names = FinetunedMember.model_fields
    before, after = (
        float(np.mean([errors["curvature_mae_eV_per_A2"] for errors in stage]))
        for stage in ([r.before for r in records], [r.after for r in records])
    )
    worst = max(record.forgetting for record in records)
    first = records[0]
    return CommitteeFinetuning(
        members=[FinetunedMember(**{name: getattr(r, name) for name in names}) for r in records],
        labels=first.label.labels,
        limit=first.limit,
        forgetting=worst,
        words=(
            f"fine-tuned on {first.label.source}: curvature MAE {before:.4f} → {after:.4f} "
            f"eV/Å², held-out force error times {worst:.2f} at most"
        ),
    )


def harmonic_forces(
    frames: Sequence[Atoms], harmonic: HarmonicReference | None
) -> list[np.ndarray | None]:
    """Harmonic forces (N, 3) eV/Å of every frame of the reference's cell, None for the others."""
    return [
        harmonic.forces(frame.positions[None], frame.cell.array[None])[0]
        if harmonic is not None and harmonic.knows(frame)
        else None
        for frame in frames
    ]
