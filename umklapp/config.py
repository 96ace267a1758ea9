"""The typed configuration: every key a campaign can have, with its unit, default and limits.

An unknown key or an impossible value stops before any job starts. The JSON schema
(`config/schema.json`) and the table in `docs/configuration.md` are generated from these models
by `python -m umklapp.config`; a test keeps them in step.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from umklapp.errors import InputError

Matrix = Annotated[
    list[Annotated[list[int], Field(min_length=3, max_length=3)]],
    Field(min_length=3, max_length=3),
]
Mesh = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=3, max_length=3)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(gt=0, lt=1)]


class Section(BaseModel):
    """A group of keys; keys it does not know are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Materials(Section):
    """Which crystals, and the cells they are studied in."""

    table: Path = Field(Path("config/materials.csv"), description="CSV of all known materials")
    structures: Path = Field(
        Path("config/structures"), description="folder of prototype and lattice-parameter files"
    )
    select: list[str] = Field(min_length=1, description="keys `{formula}-{space group}` to run")
    relax: bool = Field(True, description="relax the primitive cell with the reference engine")
    relax_fmax: Positive = Field(0.005, description="relaxation ends below this force (eV/Å)")
    relax_smax: Positive = Field(
        5e-4, description="... and below this stress (eV/Å³; 6.2e-4 is 0.1 GPa)"
    )
    cells: Path | None = Field(
        None,
        description="phono3py params file (.xz allowed) whose primitive cell and supercell are "
        "used as they are, instead of building and relaxing (one material only)",
    )
    sampling_supercell: Matrix | None = Field(
        None, description="integer rows: cell of aiMD, exploration and DFT in primitive vectors"
    )
    phonon_supercell: Matrix | None = Field(
        None, description="integer rows: cell of the force constants in primitive vectors"
    )

    @model_validator(mode="after")
    def _cells_are_known(self) -> Materials:
        if len(set(self.select)) != len(self.select):
            raise ValueError("select names a material twice")
        matrices = self.sampling_supercell, self.phonon_supercell
        if self.cells is None and None in matrices:
            raise ValueError("sampling_supercell and phonon_supercell are needed (or cells)")
        if self.cells is not None and (len(self.select) != 1 or matrices != (None, None)):
            raise ValueError("with cells: one material in select, and no supercell matrices")
        return self


class Gpaw(Section):
    """GPAW, plane waves. The settings are part of every label's identity."""

    engine: Literal["gpaw"] = "gpaw"
    xc: Literal["LDA", "PBE", "PBEsol", "revPBE", "RPBE", "PW91"] = Field(
        "PBE", description="functional; PBEsol runs on GPAW's Python kernel with PBE data sets"
    )
    ecut: Positive = Field(300.0, description="plane-wave cutoff (eV)")
    kpoint_density: Positive = Field(
        2.0, description="minimum k-points per Å⁻¹ of reciprocal lattice vector (2π included)"
    )
    kpoint_gamma: bool = Field(False, description="centre the k-mesh at Γ")
    smearing: float = Field(0.0, ge=0, description="Fermi–Dirac width (eV); 0 is fixed occupation")
    energy_tolerance: Positive = Field(1e-5, description="SCF: energy per valence electron (eV)")
    density_tolerance: Positive = Field(1e-5, description="SCF: density change per electron")
    eigenstate_tolerance: Positive = Field(1e-8, description="SCF: residual per electron (eV²)")
    max_iterations: int = Field(80, ge=5, description="SCF cap; hitting it is a Failure")


class AseCalculator(Section):
    """Any ASE calculator by import path, for engines that ASE already drives."""

    engine: Literal["ase"] = "ase"
    calculator: str = Field(description="`module:Class`, for example `ase.calculators.emt:EMT`")
    parameters: dict[str, Any] = Field({}, description="keyword arguments of the calculator")


class Lookup(Section):
    """A table of frames that are already labelled; nothing else can be chosen."""

    engine: Literal["lookup"] = "lookup"
    path: Path = Field(description="labelled extxyz, or a phono3py params yaml (.xz allowed)")


Reference = Annotated[Gpaw | AseCalculator | Lookup, Field(discriminator="engine")]


class AimdSeed(Section):
    """A short ab initio MD run (NVT Langevin) in the sampling supercell."""

    kind: Literal["aimd"] = "aimd"
    temperature: Positive = Field(300.0, description="K")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="Langevin friction (1/fs)")
    steps: int = Field(ge=1, description="MD steps, each one DFT call")
    every: int = Field(1, ge=1, description="keep every n-th step as a labelled frame")


class RattledSeed(Section):
    """Random Gaussian displacements, with random strain when asked."""

    kind: Literal["rattled"] = "rattled"
    count: int = Field(ge=1, description="number of frames")
    amplitudes: list[Positive] = Field(
        [0.03], min_length=1, description="standard deviations (Å), used in turn"
    )
    strain: float = Field(0.0, ge=0, lt=0.2, description="largest random strain component")
    supercell: Matrix | None = Field(None, description="default: the sampling supercell")


class HarmonicSeed(Section):
    """Thermal displacements from force constants of a few displaced cells (also labelled)."""

    kind: Literal["harmonic"] = "harmonic"
    count: int = Field(ge=1, description="number of thermal frames")
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K, used in turn")
    displacement: Positive = Field(0.02, description="finite displacement for fc2 (Å)")


class FramesSeed(Section):
    """Labelled frames that the user already has."""

    kind: Literal["frames"] = "frames"
    path: Path = Field(description="labelled extxyz, or a phono3py params yaml (.xz allowed)")
    count: int | None = Field(
        None, ge=1, description="a seeded random draw of n frames; all if none"
    )


Seed = Annotated[AimdSeed | RattledSeed | HarmonicSeed | FramesSeed, Field(discriminator="kind")]


class Split(Section):
    """Time-blocked split: each part is its own stretch of every seed, in this order."""

    calibration: Fraction = Field(0.15, description="fraction for calibration and acquisition")
    test: Fraction = Field(0.2, description="fraction held back for the test errors")

    @model_validator(mode="after")
    def _leaves_something(self) -> Split:
        if self.calibration + self.test >= 0.9:
            raise ValueError("calibration + test leave less than 10 % of the frames for training")
        return self


class Training(Section):
    """How one committee member is trained."""

    epochs: int = Field(60, ge=1)
    learning_rate: Positive = 0.02
    batch_size: int = Field(2, ge=1)
    patience: int = Field(25, ge=1, description="epochs without better validation loss")
    ema_decay: float = Field(0.99, ge=0, lt=1)
    energy_weight: float = Field(1.0, ge=0)
    force_weight: Positive = 1.0
    stress_weight: float = Field(0.1, ge=0)


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
    """NequIP architecture and training; fixed for a campaign so that weights stay comparable."""

    backend: Literal["nequip"] = "nequip"
    cutoff: Positive = Field(4.0, description="r_max (Å)", le=12)
    layers: int = Field(2, ge=1, le=6)
    l_max: int = Field(2, ge=0, le=4)
    parity: bool = False
    features: list[int] = Field([24, 16, 8], description="channels for l = 0 … l_max")
    radial_width: int = Field(64, ge=4)
    bessel: int = Field(8, ge=2)
    dtype: Literal["float32", "float64"] = "float32"
    baseline: Literal["none", "taylor"] = Field(
        "none",
        description="learn on top of a Taylor expansion (harmonic + cubic prior) of the sampling "
        "supercell; needs frames of that one cell, no stress",
    )
    training: Training = Training()
    taylor: Taylor = Taylor()

    @model_validator(mode="after")
    def _consistent(self) -> Potential:
        if len(self.features) != self.l_max + 1:
            raise ValueError(
                f"features has {len(self.features)} entries, "
                f"l_max {self.l_max} needs {self.l_max + 1}"
            )
        if self.baseline == "taylor" and self.training.stress_weight > 0:
            raise ValueError(
                "a Taylor baseline has no stress: set potential.training.stress_weight to 0"
            )
        return self


class Committee(Section):
    """K = subsamples × seeds members."""

    subsamples: int = Field(2, ge=1, description="random subsets of the training frames")
    seeds: int = Field(2, ge=1, description="initialisations per subset")
    fraction: Fraction = Field(
        5 / 6, description="share of the training frames in a subset; the rest validates"
    )

    @property
    def size(self) -> int:
        """Number of members K."""
        return self.subsamples * self.seeds


class MdExploration(Section):
    """NVT Langevin with the committee mean from several starting frames."""

    kind: Literal["md"] = "md"
    replicas: int = Field(4, ge=1)
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K, used in turn")
    timestep: Positive = Field(2.0, description="fs")
    friction: Positive = Field(0.01, description="1/fs")
    steps: int = Field(500, ge=1, description="bound per replica; reaching it is a result")
    every: int = Field(10, ge=1, description="uncertainty and a kept frame every n steps")
    max_temperature: Positive = Field(5.0, description="stop above this multiple of the target T")
    min_distance: Positive = Field(0.6, description="stop below this multiple of the shortest bond")
    max_force: Positive = Field(50.0, description="stop above this force (eV/Å)")


class PoolExploration(Section):
    """Judge frames of the look-up table that have not been used yet."""

    kind: Literal["pool"] = "pool"


Exploration = Annotated[MdExploration | PoolExploration, Field(discriminator="kind")]


class Acquisition(Section):
    """P = P_U · P_E, then minimum spacing, then a diverse batch (docs/architecture.md §3)."""

    uncertainty: Literal["force_max", "force_mean", "energy"] = "force_max"
    shift: float = Field(2.0, description="a of P_U, in standard deviations")
    width: Positive = Field(1.0, description="b of P_U")
    spacing: float = Field(40.0, ge=0, description="least time between frames of a replica (fs)")
    batch_size: int = Field(8, ge=1, description="most new labels in a round")


class Rounds(Section):
    """When a material is done."""

    max: int = Field(5, ge=1, le=99, description="round cap; reaching it is *not converged*")
    force_error: Positive = Field(
        0.03, description="wanted force MAE of the old committee on the new labels (eV/Å)"
    )
    calibration_band: Positive = Field(
        3.0, description="rms(error/expected error) must lie within [1/band, band]"
    )
    kappa_change: Positive = Field(
        0.1, description="wanted relative change of κ between rounds (or within its own error bar)"
    )
    kappa_spread: Positive = Field(
        0.25, description="wanted relative standard deviation of κ over the members"
    )


class Phonons(Section):
    """Harmonic phonons."""

    displacement: Positive = Field(0.03, description="Å")
    force_constants: Path | None = Field(
        None, description="phono3py params file whose fc2 set and Born charges are used instead"
    )
    correction: Literal["none", "taylor"] = Field(
        "none",
        description="add to every member the Taylor expansion (prior `potential.taylor`) of what "
        "it leaves of the training labels in the phonon supercell",
    )
    born: Path | None = Field(
        None,
        description="yaml with Born charges and dielectric constant per material, for the "
        "non-analytical correction (for example config/structures/born.yaml)",
    )
    mesh: Mesh = [20, 20, 20]
    imaginary: float = Field(
        -0.05, le=0, description="a lower frequency on the mesh means no κ, with the reason (THz)"
    )
    pair_cutoff: float | None = Field(
        None, gt=0, description="fc3: leave out pairs farther apart than this (Å)"
    )


class Conductivity(Section):
    """κ by phono3py: linearised Boltzmann equation in the relaxation-time approximation."""

    mesh: Mesh = [11, 11, 11]
    round_mesh: Mesh = Field([7, 7, 7], description="coarser mesh for the assessment of a round")
    temperatures: list[Positive] = Field([300.0], min_length=1, description="K; contains 300")
    isotopes: bool = False

    @model_validator(mode="after")
    def _has_300(self) -> Conductivity:
        if 300.0 not in self.temperatures:
            raise ValueError("temperatures must contain 300: the summary reports κ(300 K)")
        return self


class Resources(Section):
    """How the work is cut into jobs."""

    label_chunks: int = Field(2, ge=1, description="parallel label jobs per stage")
    label_timeout: Positive = Field(3600.0, description="wall time of one label (s)")
    retries: int = Field(0, ge=0, description="Snakemake retries of a failed job")
    gpu: bool = Field(False, description="training and exploration ask for one GPU each")


class Campaign(Section):
    """The whole configuration."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="shown in figures and the report")
    seed: int = Field(1, ge=0, description="root of every random draw")
    results: str = Field("results", pattern=r"^[A-Za-z0-9_./-]+$", description="output folder")
    materials: Materials
    reference: Reference
    seeds: list[Seed] = Field(min_length=1)
    split: Split = Split()
    potential: Potential = Potential()
    committee: Committee = Committee()
    exploration: Exploration = MdExploration()
    acquisition: Acquisition = Acquisition()
    rounds: Rounds = Rounds()
    phonons: Phonons = Phonons()
    conductivity: Conductivity = Conductivity()
    resources: Resources = Resources()

    @model_validator(mode="after")
    def _pool_needs_table(self) -> Campaign:
        table = self.reference.engine == "lookup"
        if (self.exploration.kind == "pool") != table:
            raise ValueError(
                "reference.engine 'lookup' and exploration.kind 'pool' belong together: "
                "only frames of the table can be labelled"
            )
        only_frames = all(seed.kind == "frames" for seed in self.seeds)
        if table and self.materials.relax and self.materials.cells is None:
            raise ValueError(
                "reference.engine 'lookup' cannot relax: set materials.relax to false, or give "
                "materials.cells"
            )
        if table and not only_frames:
            raise ValueError("with reference.engine 'lookup' every seed must be of kind 'frames'")
        return self

    @model_validator(mode="after")
    def _correction_has_labels(self) -> Campaign:
        chosen = self.materials
        same = chosen.cells is not None or chosen.sampling_supercell == chosen.phonon_supercell
        large = any(
            seed.kind == "rattled" and seed.supercell == chosen.phonon_supercell and not seed.strain
            for seed in self.seeds
        )
        if self.phonons.correction == "taylor" and not (same or large):
            raise ValueError(
                "phonons.correction 'taylor' needs labels in the phonon supercell: add a rattled "
                "seed with supercell equal to materials.phonon_supercell and without strain"
            )
        return self

    @model_validator(mode="after")
    def _taylor_has_one_cell(self) -> Campaign:
        if self.potential.baseline == "none":
            return self
        if self.materials.sampling_supercell != self.materials.phonon_supercell:
            raise ValueError(
                "potential.baseline 'taylor' knows one cell only: materials.sampling_supercell and "
                "materials.phonon_supercell must be the same"
            )
        for number, seed in enumerate(self.seeds):
            if seed.kind == "rattled" and (seed.strain > 0 or seed.supercell is not None):
                raise ValueError(
                    f"potential.baseline 'taylor' knows one cell only: seeds.{number} must have "
                    "neither strain nor a supercell of its own"
                )
        return self


def _problem(error: Mapping[str, Any]) -> str:
    key = ".".join(str(part) for part in error["loc"]) or "(whole file)"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key (value {error['input']!r}); see docs/configuration.md"
    if error["type"] == "missing":
        return f"{key}: this key is needed and has no default"
    if error["type"] == "value_error":  # ours: the text names key, value and remedy
        return f"{key}: {error['msg'].removeprefix('Value error, ')}"
    return f"{key}: {error['msg']} (value {error['input']!r})"


def validate(raw: Mapping[str, Any], source: str = "configuration") -> Campaign:
    """Typed campaign from a plain mapping.

    Raises:
        InputError: naming the source, and for every problem its key, value and remedy.
    """
    try:
        return Campaign.model_validate(dict(raw))
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(dict(item))}" for item in error.errors())
        raise InputError(f"{source} cannot be used:\n{problems}") from None


def parse(kind: Any, data: Mapping[str, Any]) -> Any:
    """One section (or one of a union of sections) from the plain mapping a rule hands over."""
    return TypeAdapter(kind).validate_python(data)


def load(path: Path) -> Campaign:
    """Typed campaign from a yaml file; raises `InputError` like `validate`."""
    try:
        raw = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as yaml: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a mapping of sections is expected, found {type(raw).__name__}")
    return validate(raw, source=str(path))


def schema() -> str:
    """JSON schema of the configuration, as text."""
    return json.dumps(Campaign.model_json_schema(), indent=1, ensure_ascii=False) + "\n"


def _sections(model: type[BaseModel], name: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield name, model
    for key, field in model.model_fields.items():
        stack: list[Any] = [field.annotation]
        while stack:
            item = stack.pop(0)
            if isinstance(item, type) and issubclass(item, Section):
                kind = item.model_fields.get("kind") or item.model_fields.get("engine")
                label = f"{name}.{key}" if name != "campaign" else key
                yield from _sections(item, f"{label} ({kind.default})" if kind else label)
            stack.extend(getattr(item, "__args__", ()))


def _holds_sections(annotation: object) -> bool:
    if isinstance(annotation, type):
        return issubclass(annotation, Section)
    return any(_holds_sections(item) for item in getattr(annotation, "__args__", ()))


def _type_name(annotation: object) -> str:
    members = getattr(annotation, "__args__", ())
    if _holds_sections(annotation):
        return "list of sections" if "list" in str(annotation) else "section"
    if members and "Literal" in str(annotation):
        return " \\| ".join(f"`{item}`" for item in members)
    if "list" in str(annotation):
        return "list"
    text = getattr(annotation, "__name__", "")
    return text or " or ".join(_type_name(item) for item in members).replace("NoneType", "none")


def docs_table() -> str:
    """The configuration reference as markdown."""
    lines = [
        "# Configuration reference",
        "",
        "Generated from `umklapp/config.py` by `make docs`; do not edit by hand.",
        "An unknown key or an impossible value stops before any job starts.",
    ]
    for name, model in _sections(Campaign, "campaign"):
        lines += ["", f"## {name}", "", (model.__doc__ or "").strip(), ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for key, field in model.model_fields.items():
            default = (
                "**needed**"
                if field.is_required()
                else field.get_default(call_default_factory=True)
            )
            if isinstance(default, BaseModel):
                default = "see below"
            kind = _type_name(field.annotation)
            lines.append(f"| `{key}` | {kind} | {default} | {field.description or ''} |")
    return "\n".join(lines) + "\n"


GENERATED = {Path("config/schema.json"): schema, Path("docs/configuration.md"): docs_table}

if __name__ == "__main__":
    for target, make in GENERATED.items():
        target.write_text(make())
        print(f"wrote {target}")
