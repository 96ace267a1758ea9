"""What a finished training says of itself, for every backend; training.json and its like."""

from __future__ import annotations

from typing import Any

from umklapp.crystals.curvature import CurvatureNumbers
from umklapp.potentials.training_residuals import Left
from umklapp.records import Part, Record


class StageResult(Part):
    """What a stage of a schedule has to say (units as in `TrainingResult`).

    with_stress: training frames whose stress was in its loss.
    """

    name: str
    epochs: int
    best_epoch: int
    validation: dict[str, float]
    seconds: float
    frozen: list[str]
    with_stress: int
    compiled: bool = False


class TrainingResult(Part):
    """What a finished training has to say.

    epochs, seconds: of all stages together; best_epoch, validation: of the last one. validation:
    `energy_mae_eV_per_atom`, `force_mae_eV_per_A`, `stress_mae_eV_per_A3` of the held-back frames;
    of a Taylor expansion its evidence instead. repeats: warm starts because too much of the
    training labels was left. compiled: whether it ran on the compiled training graph.
    """

    epochs: int
    best_epoch: int
    validation: dict[str, float]
    seconds: float
    stages: tuple[StageResult, ...] = ()
    repeats: int = 0
    compiled: bool = False


class Pretraining(Record, TrainingResult):
    """low_fidelity/member_k.json: a member trained on the labels of a cheap surface.

    frames: counts, `pool`, `train`, `validation`. model: digest of the checkpoint.
    """

    member: int
    seed: int
    frames: dict[str, int]
    model: str


class Training(Pretraining):
    """training.json: a member of a round.

    frames: counts, `train`, `validation`, `dataset`. dataset, model, parent: digests of the files.
    potential: the settings. device: where it ran; fallback: why not on the card that was asked for.
    left: what it leaves of the labels that it learned, by kind and cell; empty in files from before
    it was recorded.
    """

    dataset: str
    potential: dict[str, Any]
    parent: str | None = None
    left: tuple[Left, ...] = ()
    device: str | None = None
    fallback: str | None = None


class SharedMaterial(Part):
    """Labels of a material in a shared model: how many, of which engines' settings, their hash."""

    frames: int
    settings: list[str]
    hash: str


class SharedTraining(Pretraining):
    """shared/member_k.json: a member of the model of all materials. frames: `train`, `validation`,
    `all`. potential: the settings."""

    potential: dict[str, Any]
    materials: dict[str, SharedMaterial]


class FinetuneResult(Part):
    """What a finished fine-tuning has to say.

    before, after: `curvature_mae_eV_per_A2` over the validation columns, `force_mae_eV_per_A` and
    `energy_mae_eV_per_atom` on the held-out frames, `loss`; history: the same at every validation;
    best_step: curvature steps of the weights that were kept (0: those of before); forgetting: force
    error after over before.
    """

    steps: int
    best_step: int
    before: dict[str, float]
    after: dict[str, float]
    forgetting: float
    history: list[dict[str, float]]
    seconds: float


class Finetuning(Record, FinetuneResult):
    """finetune.json: a member after its fine-tuning on second derivatives.

    limit: largest allowed `forgetting`. phonons: harmonic properties (units in their names) of the
    `label` and of the member `before` and `after`. model, ordinary: digests of both checkpoints.
    """

    member: int
    seed: int
    limit: float
    label: CurvatureNumbers
    phonons: dict[str, dict[str, float]]
    model: str
    ordinary: str


class CompiledGraph(Record):
    """engine.json: the compiled graph of an architecture, or why evaluation stays eager.

    mode: `compiled` or `eager`. key: of architecture, machine and versions. seconds: that compiling
    took, 0 where it came from the cache. reason: the machine it was made for, or why there is none.
    device: that it is for, `cpu` or `cuda`. fallback: what was asked for and is not so, in words.
    """

    mode: str
    key: str | None
    seconds: float
    reason: str
    device: str = "cpu"
    fallback: str | None = None
