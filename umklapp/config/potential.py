"""Sections about potentials, their committee, and a model of all materials."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from umklapp.config.architectures import Allegro, Mace, So3krates
from umklapp.config.backends import BACKENDS, TRAINING, Backend
from umklapp.config.base import Fraction, Positive, Section
from umklapp.config.training import Training


class Taylor(Section):
    """The Taylor expansion of `potential.baseline: taylor` and `phonons.correction: taylor`.

    Widths are standard deviations of the prior; docs/science.md says where they come from. They are
    those of a crystal as stiff as rock salt; `harmonic_range`, `cubic_width` and `quartic_width`
    grow with the stiffness of others (rms force over rms displacement of the labels).
    """

    steps: int = Field(300, ge=1, description="steps of the optimiser")
    learning_rate: Positive = Field(0.01, description="highest learning rate of the cycle")
    batch_size: int = Field(4, ge=1, description="frames in a step")
    ema_decay: float = Field(
        0.99, ge=0, lt=1, description="decay of the exponential average of the weights, per step"
    )
    energy_scale: Positive = Field(
        0.1, description="size of the atomic energies of an untrained network (eV)"
    )
    noise: Positive = Field(
        3e-5,
        description="smallest numerical noise of the force labels (eV/Å); the correction estimates "
        "larger noise itself",
    )
    electrostatics: bool = Field(
        True,
        description="take the third order of the point charges Z*/√ε∞ as the mean of the prior, if "
        "Born charges are known",
    )
    harmonic_width: Positive = Field(
        0.015,
        description="width of the correction of known force constants, relative to their norm",
    )
    harmonic_range: Positive = Field(
        20.0,
        description="width of second-order elements where no force constants are known (eV/Å²)",
    )
    cubic_width: Positive = Field(
        0.65,
        description="width of third-order elements, extrapolated to nearest neighbours (eV/Å³)",
    )
    cubic_decay: float = Field(
        6.0,
        ge=0,
        description="exponent of the decay of third-order widths, (bond/d)^exponent, with the "
        "diameter d of the cluster of atoms",
    )
    cubic_nearest: Positive = Field(
        20.0, description="factor of the width for clusters of nearest neighbours only"
    )
    cubic_cutoff: float | None = Field(
        None,
        gt=0,
        description="leave out third-order elements beyond this pair distance (Å); none: keep all",
    )
    quartic_width: Positive = Field(
        100.0, description="width of fourth-order elements of nearest neighbours (eV/Å⁴)"
    )


class Potential(Section):
    """Architecture and training; fixed for a campaign so that weights stay comparable.

    A key that the chosen backend does not have must keep its default (docs/potentials.md).
    """

    backend: Backend = Field("nequip", description="which architecture (docs/potentials.md)")
    environment: str | None = Field(
        None,
        description="folder of the Python environment of `so3krates` or `mace`; none: `.venv-` and "
        "the name of the backend, in the working directory or beside the code",
    )
    cutoff: Positive = Field(
        4.0, description="radius within which an atom sees neighbours (Å)", le=12
    )
    layers: int = Field(2, ge=1, le=6, description="number of interaction layers")
    l_max: int = Field(2, ge=0, le=4, description="largest degree l of the spherical harmonics")
    parity: bool = Field(False, description="features of both parities (`nequip`, `allegro`)")
    features: list[int] = Field(
        [24, 16, 8], description="channels for l = 0 … l_max (`nequip`; others: their section)"
    )
    radial_width: int = Field(64, ge=4, description="width of the radial network (not `so3krates`)")
    bessel: int = Field(8, ge=2, description="number of radial functions")
    dtype: Literal["float32", "float64"] = Field("float32", description="precision of the network")
    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|cuda(:\d+)?)$",
        exclude=True,  # where a number was computed makes it no other number
        description="where networks run: `auto` is the GPU that a job asks for with "
        "`resources.gpu`, otherwise the CPU; `cuda:1` names one GPU of a machine with "
        "several",
    )
    compile: Literal["auto", "always", "never"] = Field(
        "auto",
        exclude=True,  # how fast a training is makes it no other training
        description="train on NequIP's compiled graph: `auto` where a training sees so many atoms "
        "in all epochs that the minute or more of compiling pays (docs/training.md)",
    )
    baseline: Literal["none", "taylor"] = Field(
        "none",
        description="`taylor`: train on top of a Taylor expansion (harmonic and cubic prior) in "
        "the sampling supercell; all frames must be in this cell, and there is no "
        "stress",
    )
    start: str | None = Field(
        None,
        description="NequIP checkpoint (or package, `.nequip.zip`) from which members start; "
        "`{material}` and `{member}` are replaced; none: random weights",
    )
    training: Training = Field(Training(), description="training of a member")
    taylor: Taylor = Field(Taylor(), description="prior and optimiser of the Taylor expansion")
    allegro: Allegro = Field(Allegro(), description="further keys of `backend: allegro`")
    so3krates: So3krates = Field(So3krates(), description="further keys of `backend: so3krates`")
    mace: Mace = Field(Mace(), description="further keys of `backend: mace`")

    @model_validator(mode="before")
    @classmethod
    def _learning_rate(cls, raw: Any) -> Any:
        """The backend's own learning rate where none is given."""
        if not isinstance(raw, dict) or str(raw.get("backend", "nequip")) not in BACKENDS:
            return raw
        training = raw.get("training", {})
        if isinstance(training, dict) and "learning_rate" not in training:
            rate = BACKENDS[raw.get("backend", "nequip")].learning_rate
            return {**raw, "training": {**training, "learning_rate": rate}}
        return raw

    @model_validator(mode="after")
    def _keys_of_the_backend(self) -> Potential:
        facts = BACKENDS[self.backend]
        always = {"backend", "environment", "baseline", "training", "device"}
        changed = [
            name
            for name, field in type(self).model_fields.items()
            if getattr(self, name) != field.default and name not in facts.keys | always
        ]
        if changed:
            raise ValueError(
                f"{', '.join(changed)}: backend '{self.backend}' has no such key; leave it out "
                f"(it has {', '.join(sorted(facts.keys))})"
            )
        if facts.environment is None and self.environment is not None:
            raise ValueError(
                f"environment is {self.environment!r}, but '{self.backend}' runs in the main "
                "environment; leave it out"
            )
        if self.baseline == "taylor" and facts.missing("taylor"):
            raise ValueError(
                f"baseline 'taylor' is not known for backend '{self.backend}': set backend to "
                "'nequip', or baseline to 'none'"
            )
        return self

    @model_validator(mode="after")
    def _training_of_the_backend(self) -> Potential:
        if BACKENDS[self.backend].environment is None:
            return self
        unknown = [
            name
            for name, field in Training.model_fields.items()
            if name not in TRAINING and getattr(self.training, name) != field.default
        ]
        if unknown:
            raise ValueError(
                f"training.{', training.'.join(unknown)}: backend '{self.backend}' trains without "
                "it; leave it out, or set backend to 'nequip'"
            )
        if self.backend == "so3krates" and self.l_max == 0:
            raise ValueError("l_max is 0; backend 'so3krates' needs 1 or more")
        if self.backend == "mace" and self.mace.hidden_l > self.l_max:
            raise ValueError(f"mace.hidden_l is {self.mace.hidden_l}, above l_max {self.l_max}")
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Potential:
        if self.backend == "nequip" and len(self.features) != self.l_max + 1:
            raise ValueError(
                f"features has {len(self.features)} entries, "
                f"l_max {self.l_max} needs {self.l_max + 1}"
            )
        if self.baseline == "taylor" and self.training.stress_weight > 0:
            raise ValueError(
                "a Taylor baseline has no stress: set potential.training.stress_weight to 0"
            )
        if self.baseline == "taylor":
            for key, value in (
                ("start", self.start),
                ("training.schedule", self.training.schedule),
            ):
                if value is not None:
                    raise ValueError(
                        f"potential.{key} is for networks alone: leave it out, or set "
                        "potential.baseline to 'none'"
                    )
        if self.start is not None:
            try:
                self.start_of("material", 0)
            except (KeyError, IndexError, ValueError):
                raise ValueError(
                    f"start is {self.start!r}: only {{material}} and {{member}} can be filled in"
                ) from None
        return self

    def start_of(self, material: str, member: int) -> str | None:
        """Path of the start of one member."""
        return None if self.start is None else self.start.format(material=material, member=member)


class Committee(Section):
    """K = subsamples × seeds members."""

    subsamples: int = Field(2, ge=1, description="random subsets of the training frames")
    seeds: int = Field(2, ge=1, description="initialisations per subset")
    fraction: Fraction = Field(
        5 / 6,
        description="share of the training frames that a subsample trains on; the others validate",
    )
    engine: Literal["compiled", "eager"] = Field(
        "compiled",
        description="`compiled`: one compiled graph for all members, made once per architecture "
        "(eager if there is no compiler); `eager`: NequIP's own modules",
    )

    @property
    def size(self) -> int:
        """Number of members K."""
        return self.subsamples * self.seeds


class Shared(Section):
    """The model of all materials (target `shared`), to start another campaign from."""

    leave_out: list[str] = Field([], description="materials whose labels the model does not learn")
    training: Training | None = Field(
        None, description="training of the model; none: as `potential.training`"
    )
