"""Section about training members on second derivatives after their ordinary training."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from umklapp.config.base import Positive, Section


class CurvatureWeights(Section):
    """Weights of a curvature step: the loss on a perfect supercell and one of its columns."""

    energy: float = Field(
        0.0, ge=0, description="of the error of E/N; needs `finetune.equilibrium: label`"
    )
    force: float = Field(
        20.0, ge=0, description="of the mean length of the error of an atom's force"
    )
    stress: float = Field(5.0, ge=0, description="of the mean error of nine components")
    curvature: Positive = Field(100.0, description="of the mean error of the elements of a column")


class OrdinaryWeights(Section):
    """Weights of an ordinary step: the loss on the labels that the member was trained on."""

    energy: float = Field(500.0, ge=0, description="of the mean error of E/N")
    force: Positive = Field(200.0, description="of the mean length of the error of an atom's force")
    stress: float = Field(50.0, ge=0, description="of the mean error, where a frame has one")


class CurvatureFinetune(Section):
    """Phonon fine-tuning: members go on with columns of the Hessian (docs/finetuning.md)."""

    kind: Literal["curvature"] = "curvature"
    labels: Literal["reference"] | Path = Field(
        "reference",
        description="`reference`: finite displacements labelled by the reference engine; or a "
        "phonopy or phono3py yaml (.xz allowed), a FORCE_CONSTANTS text or a force-constants hdf5 "
        "(full array); `{material}` in the path is replaced",
    )
    supercell: Literal["phonon", "sampling"] = Field(
        "phonon", description="the supercell of `materials` whose second derivatives are learned"
    )
    displacement: Positive = Field(
        0.03, le=0.2, description="displacement of one atom at a time for `labels: reference` (Å)"
    )
    equilibrium: Literal["assume", "label"] = Field(
        "assume",
        description="`assume`: the forces (and, after a relaxation, the stress) of the perfect "
        "supercell are zero; `label`: the engine labels it, one label more",
    )
    steps: int = Field(300, ge=1, description="curvature steps")
    cotraining: int = Field(
        4,
        ge=0,
        description="ordinary steps after each curvature step; with 0 the member forgets more of "
        "its other labels",
    )
    probe: Literal["one_hot", "random"] = Field(
        "one_hot",
        description="vector v of a curvature step's target Φv: one atom in one direction, or all "
        "atoms at random (length 1)",
    )
    columns: int = Field(1, ge=1, description="probes in a curvature step; compiled: at least 2")
    batch_size: int = Field(2, ge=1, description="frames in an ordinary step")
    learning_rate: Positive = Field(1e-3, description="learning rate of AdamW, constant")
    weight_decay: float = Field(1e-3, ge=0, description="weight decay of AdamW")
    clip_norm: Positive = Field(100.0, description="largest norm of the gradient of all weights")
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="decay of the exponential average of the weights, per step"
    )
    weights: CurvatureWeights = Field(
        CurvatureWeights(), description="weights of the loss in a curvature step"
    )
    cotraining_weights: OrdinaryWeights = Field(
        OrdinaryWeights(), description="weights of the loss in an ordinary step"
    )
    validate_every: int = Field(
        10, ge=1, description="curvature steps between validations; the best weights are kept"
    )
    forgetting: Positive = Field(
        1.5,
        description="a material does not converge while fine-tuning raises a member's force error "
        "on its held-out frames by more than this factor",
    )
    compile: bool = Field(
        False,
        description="compile the training graphs with torch.compile; takes minutes, so it helps "
        "only with many steps",
    )

    @model_validator(mode="after")
    def _consistent(self) -> CurvatureFinetune:
        if self.weights.energy > 0 and self.equilibrium != "label":
            raise ValueError(
                "weights.energy needs the energy of the perfect supercell: set finetune.equilibrium"
                " to 'label', or weights.energy to 0"
            )
        if self.compile and self.columns < 2:
            raise ValueError(
                "compile works on batches of at least two graphs: set finetune.columns to 2 or "
                "more, or compile to false"
            )
        if self.compile and self.cotraining and self.batch_size < 2:
            raise ValueError(
                "compile works on batches of at least two graphs: set finetune.batch_size to 2 or "
                "more, or compile to false"
            )
        if self.labels != "reference" and self.equilibrium == "label":
            raise ValueError(
                "equilibrium 'label' belongs to labels 'reference': force constants from a file "
                "come without energy, forces and stress"
            )
        return self
