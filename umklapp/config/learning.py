"""Sections about learning: potential, committee, exploration, acquisition, rounds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from umklapp.config.architectures import Allegro, Mace, So3krates
from umklapp.config.backends import BACKENDS, TRAINING, Backend
from umklapp.config.base import Fraction, Positive, Section


class WarmStart(Section):
    """Members of a later round go on from those of the round before."""

    epochs: int = Field(20, ge=1, description="in place of `training.epochs`")
    learning_rate: Positive = Field(0.01, description="largest of the new cycle")
    scratch_every: int = Field(
        0, ge=0, description="from scratch again every n-th round (0: never)"
    )


LearningRates = Literal["one_cycle", "plateau"]
Part = Literal["embedding", "convolutions", "readout"]


class Stage(Section):
    """One stage of `training.schedule`; what is not set is as in `training`."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="in files and records; no two alike")
    epochs: int | None = Field(None, ge=1)
    learning_rate: Positive | None = None
    batch_size: int | None = Field(None, ge=1)
    patience: int | None = Field(None, ge=1)
    energy_weight: float | None = Field(None, ge=0)
    force_weight: Positive | None = None
    stress_weight: float | None = Field(
        None, ge=0, description="above 0: an error where no frame has a stress"
    )
    weight_decay: float | None = Field(None, ge=0)
    lr_schedule: LearningRates | None = None
    plateau_factor: Fraction | None = None
    plateau_patience: int | None = Field(None, ge=1)
    freeze: list[Part] = Field([], description="parts of the network that stay as they are")

    @model_validator(mode="after")
    def _something_learns(self) -> Stage:
        if set(self.freeze) == {"embedding", "convolutions", "readout"}:
            raise ValueError(
                f"stage {self.name!r} freezes every part of the network: leave one out of freeze"
            )
        return self


class Training(Section):
    """How one committee member is trained."""

    epochs: int = Field(60, ge=1)
    learning_rate: Positive = Field(
        0.02,
        description="largest of the cycle; where it is not given, the backend's own: `nequip` "
        "0.02, `allegro` and `mace` 0.01, `so3krates` 0.005",
    )
    batch_size: int = Field(2, ge=1)
    patience: int = Field(25, ge=1, description="epochs without better validation loss")
    ema_decay: float = Field(0.99, ge=0, lt=1)
    energy_weight: float = Field(1.0, ge=0)
    force_weight: Positive = 1.0
    stress_weight: float = Field(
        0.1,
        ge=0,
        description="of the frames that have a stress; eV/Å³ are small numbers: 0.1 does nothing, "
        "elastic constants want about 1000 (docs/elastic.md)",
    )
    weight_decay: float = Field(
        0.0, ge=0, description="decoupled, per step and learning rate (AdamW); 0: Adam"
    )
    lr_schedule: LearningRates = Field(
        "one_cycle",
        description="one cycle over all epochs (warm-up, then cosine), or constant and multiplied "
        "by `plateau_factor` where the validation loss stays",
    )
    plateau_factor: Fraction = Field(0.5, description="of `lr_schedule: plateau`")
    plateau_patience: int = Field(
        20, ge=1, description="epochs without better validation loss before that"
    )
    warm_start: WarmStart | None = Field(
        None, description="continue from the members of the round before; none: from scratch"
    )
    schedule: list[Stage] | None = Field(
        None,
        description="stages one after the other, each from the best weights of the one before; "
        "none: one training as set here",
    )

    @model_validator(mode="after")
    def _stages(self) -> Training:
        if self.schedule is None:
            return self
        if not self.schedule:
            raise ValueError("a schedule with no stage: give one or more, or leave out schedule")
        names = [stage.name for stage in self.schedule]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"schedule has more than one stage named {twice[0]!r}: rename one")
        return self


class Taylor(Section):
    """The Taylor expansion of `potential.baseline: taylor` and `phonons.correction: taylor`.

    Widths are standard deviations of the prior; docs/science.md says where they come from.
    """

    steps: int = Field(300, ge=1, description="steps of the optimiser")
    learning_rate: Positive = Field(0.01, description="largest of the cycle")
    batch_size: int = Field(4, ge=1, description="frames in a step")
    ema_decay: float = Field(0.99, ge=0, lt=1)
    energy_scale: Positive = Field(0.1, description="per-atom energies of a fresh network (eV)")
    noise: Positive = Field(3e-5, description="numerical noise of the force labels (eV/Å)")
    electrostatics: bool = Field(
        True, description="third order of the charges Z*/√ε∞ as baseline, where they are known"
    )
    harmonic_width: Positive = Field(
        0.015, description="correction of known force constants, relative to their norm"
    )
    harmonic_range: Positive = Field(
        20.0, description="elements where no force constants are known (eV/Å²)"
    )
    cubic_width: Positive = Field(
        0.65, description="third-order elements, extrapolated to nearest neighbours (eV/Å³)"
    )
    cubic_decay: float = Field(
        6.0, ge=0, description="they decay as (bond/d)^this with the diameter d of the cluster"
    )
    cubic_nearest: Positive = Field(
        20.0, description="factor for clusters of nearest neighbours only"
    )
    cubic_cutoff: float | None = Field(
        None, gt=0, description="no third order beyond this pair distance (Å); all if none"
    )
    quartic_width: Positive = Field(
        100.0, description="fourth-order elements of nearest neighbours (eV/Å⁴)"
    )


class Potential(Section):
    """Architecture and training; fixed for a campaign so that weights stay comparable.

    A key that the chosen backend does not have must keep its default (docs/potentials.md).
    """

    backend: Backend = Field("nequip", description="which architecture (docs/potentials.md)")
    environment: str | None = Field(
        None,
        description="folder of the Python environment of `so3krates` or `mace`; none: `.venv-` and "
        "the backend's name, in the working directory or beside the code",
    )
    cutoff: Positive = Field(4.0, description="r_max (Å)", le=12)
    layers: int = Field(2, ge=1, le=6)
    l_max: int = Field(2, ge=0, le=4, description="of the spherical harmonics of an edge")
    parity: bool = Field(False, description="features of both parities (`nequip`, `allegro`)")
    features: list[int] = Field(
        [24, 16, 8], description="channels for l = 0 … l_max (`nequip`; others: their section)"
    )
    radial_width: int = Field(64, ge=4, description="of the radial network (not `so3krates`)")
    bessel: int = Field(8, ge=2, description="radial functions")
    dtype: Literal["float32", "float64"] = "float32"
    baseline: Literal["none", "taylor"] = Field(
        "none",
        description="learn on top of a Taylor expansion (harmonic + cubic prior) of the sampling "
        "supercell; needs frames of that one cell, no stress",
    )
    start: str | None = Field(
        None,
        description="NequIP checkpoint (or package, `.nequip.zip`) that members start from; "
        "`{material}` and `{member}` are filled in; none: from random weights",
    )
    training: Training = Training()
    taylor: Taylor = Taylor()
    allegro: Allegro = Allegro()
    so3krates: So3krates = So3krates()
    mace: Mace = Mace()

    @model_validator(mode="before")
    @classmethod
    def _learning_rate(cls, raw: Any) -> Any:
        """The backend's own learning rate where none is given."""
        if not isinstance(raw, dict) or raw.get("backend", "nequip") not in BACKENDS:
            return raw
        training = raw.get("training", {})
        if isinstance(training, dict) and "learning_rate" not in training:
            rate = BACKENDS[raw.get("backend", "nequip")].learning_rate
            return {**raw, "training": {**training, "learning_rate": rate}}
        return raw

    @model_validator(mode="after")
    def _keys_of_the_backend(self) -> Potential:
        facts, always = BACKENDS[self.backend], {"backend", "environment", "baseline", "training"}
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
        5 / 6, description="share of the training frames in a subset; the rest validates"
    )
    engine: Literal["compiled", "eager"] = Field(
        "compiled",
        description="one compiled graph for all members (made once per architecture; eager where "
        "there is no compiler), or NequIP's own modules",
    )

    @property
    def size(self) -> int:
        """Number of members K."""
        return self.subsamples * self.seeds


class Shared(Section):
    """The model of all materials (target `shared`), to start another campaign from."""

    leave_out: list[str] = Field([], description="materials whose labels it does not see")
    training: Training | None = Field(
        None, description="how it is trained; none: as `potential.training`"
    )


class NptBarostat(Section):
    """Stochastic cell rescaling of `ensemble: npt`."""

    pressure: float = Field(0.0, description="GPa")
    time: Positive = Field(500.0, description="relaxation time (fs)")
    compressibility: Positive = Field(
        0.02, description="estimate (1/GPa); sets how fast the cell follows, not where it goes"
    )
    anisotropic: bool = Field(False, description="all six strains instead of the volume alone")


class MdExploration(Section):
    """Langevin dynamics with the committee from several starting frames, in one batch."""

    kind: Literal["md"] = "md"
    replicas: int = Field(4, ge=1)
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K, used in turn")
    ensemble: Literal["nvt", "npt"] = "nvt"
    barostat: NptBarostat = NptBarostat()
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="1/fs")
    steps: int = Field(500, ge=1, description="bound per replica; reaching it is a result")
    every: int = Field(10, ge=1, description="uncertainty and a kept frame every n steps")
    driver: Literal["mean", "members"] = Field(
        "mean",
        description="what moves the atoms: the committee mean, or one member per replica, which "
        "asks the others only every n steps",
    )
    backend: Literal["own", "torchsim"] = Field(
        "own",
        description="who integrates: our own dynamics, or torch-sim with everything on the GPU "
        "(`pip install umklapp[torchsim]`; NVT by the mean, one stream of noise)",
    )
    bias: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="push towards disagreement, relative to the mean force (0: none)",
    )
    max_temperature: Positive = Field(5.0, description="stop above this multiple of the target T")
    min_distance: Positive = Field(0.6, description="stop below this multiple of the shortest bond")
    max_force: Positive = Field(50.0, description="stop above this force (eV/Å)")
    max_uncertainty: Positive = Field(
        1.0, description="stop where members differ by more than this on an atom (eV/Å)"
    )
    max_drift: Positive = Field(
        0.1, description="stop at this drift of the conserved energy (eV/atom; NVT, no bias)"
    )

    @model_validator(mode="after")
    def _consistent(self) -> MdExploration:
        if self.bias > 0 and self.driver != "mean":
            raise ValueError("bias needs every member at every step: set driver to 'mean'")
        plain = self.ensemble == "nvt" and self.driver == "mean" and self.bias == 0
        if self.backend == "torchsim" and not plain:
            raise ValueError(
                "backend 'torchsim' runs unbiased NVT by the committee mean: set ensemble to "
                "'nvt', driver to 'mean' and bias to 0, or backend to 'own'"
            )
        return self


class PoolExploration(Section):
    """Judge frames of the look-up table that have not been used yet."""

    kind: Literal["pool"] = "pool"


Exploration = Annotated[MdExploration | PoolExploration, Field(discriminator="kind")]


BOUND = 3.0
"""Of `rounds.force_error`: a frame is worth a label when the expected error of its worst atom is
above. The mean absolute error e of a component belongs to an rms error of a Gaussian force vector
of sqrt(3 π/2) e = 2.2 e; that of the worst of some atoms is somewhat larger."""

WORST = 2.0
"""Of that bound: an expected error is a root mean square, and the largest error of 64 atoms at the
bound reaches 2.3 times as much by chance (0.999 quantile of χ₃ over sqrt 3)."""


class Acquisition(Section):
    """Which explored frames are labelled (docs/science.md)."""

    strategy: Literal["threshold", "almomd", "random"] = Field(
        "threshold",
        description="every frame whose expected force error is too large; the published P_U · P_E; "
        "or at random among the viable (control)",
    )
    uncertainty: Literal[
        "force_max", "force_mean", "energy", "sigma",
        "force_max_relative", "force_mean_relative", "energy_relative", "sigma_relative",
    ] = Field("force_max", description="U of `almomd`; `threshold` knows `force_max`")  # fmt: skip
    lower: Positive | None = Field(
        None,
        description="`threshold`: expected largest force error from which a frame is worth a label "
        "(eV/Å); default: three times rounds.force_error",
    )
    shift: float = Field(2.0, description="a of P_U, in standard deviations (`almomd`)")
    width: Positive = Field(1.0, description="b of P_U (`almomd`)")
    viability_band: Positive = Field(
        6.0, description="standard deviations of the energy beyond which nothing is labelled"
    )
    min_distance: Positive = Field(
        0.6, description="nothing is labelled with atoms closer than this multiple of the bond"
    )
    spacing: float | Literal["auto"] = Field(
        "auto", description="least time between frames of a replica (fs); auto: correlation time"
    )
    diversity: Literal["logdet", "farthest", "none"] = Field(
        "logdet", description="how a batch is spread out: determinant, farthest points, not at all"
    )
    batch_size: int = Field(
        8, ge=1, description="most new labels in a round, beside those of rounds.check_labels"
    )

    def bound(self, force_error: float) -> float:
        """Expected force error of a frame's worst atom from which it is worth a label, eV/Å.

        What is chosen and what stops the rounds are judged by this one number.

        Args:
            force_error: of `Rounds`, eV/Å.
        """
        return self.lower or BOUND * force_error

    @model_validator(mode="after")
    def _consistent(self) -> Acquisition:
        if self.strategy == "threshold" and self.uncertainty != "force_max":
            raise ValueError(
                "strategy 'threshold' works on the expected largest force error: set uncertainty "
                "to 'force_max', or strategy to 'almomd'"
            )
        if self.spacing != "auto" and self.spacing < 0:
            raise ValueError(f"spacing is {self.spacing} fs; it cannot be negative")
        return self


class Rounds(Section):
    """When a material is done."""

    max: int = Field(5, ge=1, le=99, description="round cap; reaching it is *not converged*")
    force_error: Positive = Field(
        0.03, description="wanted force MAE of the old committee on the new labels (eV/Å)"
    )
    worst_error: Positive | None = Field(
        None,
        description="wanted largest force error of an atom on the new labels (eV/Å); default: "
        "twice the bound of acquisition, six times `force_error`",
    )
    share_above: float = Field(
        0.03,
        ge=0,
        le=1,
        description="share of the explored frames that may be above the bound of acquisition",
    )
    check_labels: int = Field(
        9,
        ge=1,
        description="labels drawn at random in a round that could be the last: where n of them "
        "are right, a further frame is with probability n/(n + 1), 90 % for 9",
    )
    independent: Positive = Field(
        20.0,
        description="lengths of twice the slowest correlation time that an exploration must have, "
        "all replicas together and without their equilibration",
    )
    calibration_band: float = Field(
        3.0,
        ge=1,
        description="rms(error/expected error) on the new labels must not be above this; what is "
        "above 1 raises all expected errors before `share_above` is judged",
    )
    physics: list[Literal["anharmonicity", "kappa"]] = Field(
        ["anharmonicity", "kappa"],
        description="what must have stopped moving: the distribution of σᴬ in the exploration's "
        "dynamics, κ(300 K) of the members",
    )
    sigma_change: Positive = Field(
        0.02, description="wanted shift of the σᴬ distribution between rounds, beyond its error bar"
    )
    sigma_error: Fraction = Field(
        0.25, description="an error bar of that shift above this share of σᴬ decides nothing"
    )
    kappa_change: Positive = Field(
        0.1, description="wanted relative change of κ between rounds (or within its own error bar)"
    )
    kappa_spread: Positive = Field(
        0.25, description="wanted relative standard deviation of κ over the members"
    )

    def worst(self, bound: float) -> float:
        """Largest force error of an atom (eV/Å) on new labels; `bound` is that of acquisition."""
        return self.worst_error or WORST * bound
