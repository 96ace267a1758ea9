"""The whole configuration, and reading it with messages that name key, value and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError, field_validator, model_validator

from umklapp.config import known_keys, meant
from umklapp.config.audit import Audit
from umklapp.config.backends import BACKENDS
from umklapp.config.base import Section
from umklapp.config.crystal import DisplacedSeed, Materials, Seed, Split
from umklapp.config.elastic import Elastic
from umklapp.config.exploration import Exploration, MdExploration
from umklapp.config.finetune import CurvatureFinetune
from umklapp.config.foundation import Foundation
from umklapp.config.green_kubo import GreenKubo
from umklapp.config.order import Order
from umklapp.config.potential import Committee, Potential, Shared
from umklapp.config.reference import Aims, Reference
from umklapp.config.rounds import Acquisition, Rounds
from umklapp.config.transport import Conductivity, Phonons, Resources
from umklapp.config.verdict import Verdict
from umklapp.errors import InputError
from umklapp.files import read_yaml

LARGEST = 1e300
"""No number of a configuration may be larger: it would overflow wherever it is used."""


class Campaign(Section):
    """The whole configuration."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$", description="shown in figures and the report")
    seed: int = Field(1, ge=0, description="root of every random draw")
    results: str = Field(
        "results",
        pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./-]*$",
        description="output folder of this campaign alone",
    )
    materials: Materials
    reference: Reference = Field(description="program that labels frames, and its settings")
    foundation: Foundation | None = Field(
        None, description="κ of every material by a foundation model, before the first label"
    )
    order: Order | None = Field(None, description="which materials are computed first")
    seeds: list[Seed] = Field(
        min_length=1,
        description="sources of the labels before the first round; several kinds can be mixed",
    )
    split: Split = Split()
    potential: Potential = Potential()
    finetune: CurvatureFinetune | None = Field(
        None, description="fine-tuning of every member on second derivatives; null: none"
    )
    committee: Committee = Committee()
    shared: Shared = Shared()
    exploration: Exploration = MdExploration()
    acquisition: Acquisition = Acquisition()
    rounds: Rounds = Rounds()
    verdict: Verdict = Verdict()
    phonons: Phonons = Phonons()
    conductivity: Conductivity = Conductivity()
    green_kubo: GreenKubo | None = Field(None, description="κ from dynamics; absent: no such κ")
    audit: Audit | None = Field(
        Audit(),
        description="test of the committee on fresh labels from the ensembles in which κ is "
        "computed; null: no audit",
    )
    elastic: Elastic | None = Field(
        None, description="elastic constants; without this section they are not computed"
    )
    resources: Resources = Resources()

    @property
    def audited(self) -> bool:
        """Whether κ is audited."""
        return self.audit is not None and self.audit.labels > 0

    @property
    def corrected_dynamics(self) -> bool:
        """Whether Green–Kubo is asked to move the members with their Taylor correction."""
        return self.green_kubo is not None and self.green_kubo.corrected(self.phonons.correction)

    @field_validator("results", mode="after")
    @classmethod
    def _folder_of_its_own(cls, text: str) -> str:
        path = PurePosixPath(text)
        if ".." in path.parts or path in (PurePosixPath("."), PurePosixPath(path.anchor)):
            raise ValueError(
                f"{text!r} is no folder of this campaign alone: name one, such as results/si (or "
                "an absolute path); '/', '.' and '..' are none"
            )
        return str(path)

    @model_validator(mode="after")
    def _order_has_numbers(self) -> Campaign:
        if self.order is None or self.order.rehearsal is not None:
            return self
        if self.foundation is None:
            raise ValueError(
                "order needs results of a foundation model for every material: add a section "
                "foundation, or set order.rehearsal to the results folder of a rehearsal"
            )
        if self.order.by == "kappa_change" and not self.foundation.own_lattice:
            raise ValueError(
                "order.by 'kappa_change' compares κ at two lattices: set foundation.own_lattice to "
                "true, order.by to 'anharmonicity', or give order.rehearsal"
            )
        return self

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
    def _relaxation_has_stress(self) -> Campaign:
        relaxes = self.materials.relax and self.materials.cells is None
        if relaxes and isinstance(self.reference, Aims) and not self.reference.stress:
            raise ValueError(
                "materials.relax needs a stress: set reference.stress to true, or materials.relax "
                "to false"
            )
        return self

    @model_validator(mode="after")
    def _committee_has_uncertainty(self) -> Campaign:
        if self.committee.size == 1 and self.acquisition.strategy != "random":
            raise ValueError(
                "committee: one member has no uncertainty: set committee.subsamples or "
                "committee.seeds to 2 or more, or acquisition.strategy to 'random'"
            )
        return self

    @model_validator(mode="after")
    def _device_is_asked_for(self) -> Campaign:
        device, asks = self.potential.device, self.resources.gpu
        if device.startswith("cuda") and not asks:
            raise ValueError(
                f"potential.device is {device!r}, but no job asks for a GPU: set resources.gpu to "
                "true, or potential.device to 'auto' or 'cpu'"
            )
        if device == "cpu" and asks:
            raise ValueError(
                "resources.gpu is true, but potential.device is 'cpu': jobs would hold a GPU that "
                "they do not use; set one of the two"
            )
        return self

    @model_validator(mode="after")
    def _correction_has_labels(self) -> Campaign:
        chosen = self.materials
        same = chosen.cells is not None or chosen.sampling_supercell == chosen.phonon_supercell
        large = any(
            isinstance(seed, DisplacedSeed)
            and seed.supercell in ("phonon", chosen.phonon_supercell)
            and not getattr(seed, "strain", 0.0)
            for seed in self.seeds
        )
        if (self.phonons.correction == "taylor" or self.corrected_dynamics) and not (same or large):
            raise ValueError(
                "green_kubo or phonons.correction 'taylor' needs labels in the phonon supercell: "
                "add a rattled or harmonic seed with `supercell: phonon` and without strain"
            )
        return self

    @model_validator(mode="after")
    def _taylor_has_one_cell(self) -> Campaign:
        if self.potential.baseline == "none":
            return self
        if any(seed.kind == "low_fidelity" for seed in self.seeds):
            raise ValueError(
                "potential.baseline 'taylor' cannot describe atoms that leave their sites: set it "
                "to 'none', or leave out the low_fidelity seeds"
            )
        if self.materials.sampling_supercell != self.materials.phonon_supercell:
            raise ValueError(
                "potential.baseline 'taylor' knows one cell only: materials.sampling_supercell and "
                "materials.phonon_supercell must be the same"
            )
        for index, seed in enumerate(self.seeds):
            if isinstance(seed, DisplacedSeed) and (
                getattr(seed, "strain", 0.0) > 0 or seed.supercell is not None
            ):
                raise ValueError(
                    f"potential.baseline 'taylor' knows one cell only: seeds.{index} must have "
                    "neither strain nor a supercell of its own"
                )
        return self

    @model_validator(mode="after")
    def _one_pretraining(self) -> Campaign:
        pretraining = [
            index for index, seed in enumerate(self.seeds) if getattr(seed, "pretrain", None)
        ]
        if len(pretraining) > 1:
            raise ValueError(
                f"seeds {pretraining} all have pretrain: members can learn one cheap surface first"
            )
        if pretraining and self.potential.start is not None:
            raise ValueError(
                f"seeds.{pretraining[0]}.pretrain and potential.start both say where members "
                "start: leave one of them out"
            )
        return self

    @model_validator(mode="after")
    def _finetune_has_labels(self) -> Campaign:
        if self.finetune is None:
            return self
        if self.potential.baseline != "none":
            raise ValueError(
                "finetune: a Taylor baseline has its own second derivatives: set "
                "potential.baseline to 'none', or leave out finetune"
            )
        if self.finetune.labels == "reference" and self.reference.engine == "lookup":
            raise ValueError(
                "finetune.labels 'reference': a table of labels cannot label displaced cells: give "
                "finetune.labels the path of force constants"
            )
        return self

    @model_validator(mode="after")
    def _backend_can(self) -> Campaign:
        backend = self.potential.backend
        can = [name for name, facts in BACKENDS.items() if not facts.missing("curvature")]
        if self.finetune is not None and backend not in can:
            raise ValueError(
                f"finetune: potential.backend '{backend}' cannot be trained on second derivatives "
                f"here: set it to one of {', '.join(can)}, or leave out finetune"
            )
        can = [name for name, facts in BACKENDS.items() if not facts.missing("flux")]
        if self.green_kubo is not None and backend not in can:
            raise ValueError(
                f"green_kubo: the heat flux is not known for potential.backend '{backend}': set it "
                f"to one of {', '.join(can)}, or leave out green_kubo"
            )
        torchsim = getattr(self.exploration, "backend", "own") == "torchsim"
        if torchsim and BACKENDS[backend].missing("compiled"):
            raise ValueError(
                f"exploration.backend 'torchsim' needs the compiled graph, which "
                f"potential.backend '{backend}' does not have: set exploration.backend to 'own'"
            )
        return self

    @model_validator(mode="after")
    def _flux_needs_networks(self) -> Campaign:
        if self.green_kubo is None:
            return self
        if self.potential.baseline != "none":
            raise ValueError(
                "green_kubo: the heat flux is known for NequIP networks alone: set "
                "potential.baseline to 'none', or leave out green_kubo"
            )
        if self.committee.engine != "compiled":
            raise ValueError("green_kubo needs the compiled graph: set committee.engine to it")
        return self

    @model_validator(mode="after")
    def _elastic_needs_stress(self) -> Campaign:
        if self.elastic is None:
            return self
        if self.potential.baseline != "none":
            raise ValueError(
                "elastic: a potential on a Taylor baseline has no stress: set potential.baseline "
                "to 'none', or leave out elastic"
            )
        if self.elastic.reference and self.reference.engine == "lookup":
            raise ValueError(
                "elastic.reference needs an engine that calculates, reference.engine is 'lookup': "
                "set elastic.reference to false"
            )
        return self


def _problem(error: Mapping[str, Any]) -> str:
    named = [str(part) for part in error["loc"] if not str(part).startswith("<")]
    key = ".".join(named)
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key (value {error['input']!r})" + known_keys.advice(Campaign, error)
    if error["type"] == "string_pattern_mismatch":
        return f"{key}: {error['input']!r} cannot be used here: {error['msg']}"
    if error["type"] == "missing":
        return f"{key}: this key is needed and has no default"
    if error["type"] == "value_error":  # ours: the text names key, value and remedy
        return ": ".join(filter(None, (key, error["msg"].removeprefix("Value error, "))))
    return f"{key}: {error['msg']} (value {error['input']!r})"


def _unusable(value: Any, key: str = "") -> Iterator[str]:
    """What no section may hold, also within free-form parameters: a line per key."""
    if isinstance(value, float | int) and not -LARGEST < value < LARGEST:
        yield f"{key}: a finite number is needed, not nan or inf"
    elif isinstance(value, str) and "\0" in value:
        yield f"{key}: a NUL character in a text"
    listed = dict(enumerate(value)) if isinstance(value, list | tuple) else value
    for name, inner in listed.items() if isinstance(listed, Mapping) else ():
        yield from _unusable(inner, f"{key}.{name}".lstrip("."))


def validate(raw: Mapping[str, Any], source: str = "configuration") -> Campaign:
    """Typed campaign from a plain mapping.

    Raises:
        InputError: naming the source, and for every problem its key, value and remedy.
    """
    if wrong := "\n".join(f"  {line}" for line in _unusable(raw)):
        raise InputError(f"{source} cannot be used:\n{wrong}")
    try:
        campaign = Campaign.model_validate(dict(raw))
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(dict(item))}" for item in error.errors())
        raise InputError(f"{source} cannot be used:\n{problems}") from None
    if unmeant := "\n".join(f"  {problem}" for problem in meant.problems(campaign)):
        raise InputError(f"{source} cannot be used:\n{unmeant}")
    return campaign


def parse(kind: Any, data: Mapping[str, Any]) -> Any:
    """One section (or one of a union of sections) from the plain mapping a rule hands over."""
    return TypeAdapter(kind).validate_python(data)


def load(path: Path) -> Campaign:
    """Typed campaign from a yaml file.

    Raises:
        InputError: as `validate`; or the file cannot be read as a mapping of sections.
    """
    raw = read_yaml(path)
    if not isinstance(raw, dict):
        raise InputError(f"{path}: a mapping of sections is expected, found {type(raw).__name__}")
    return validate(raw, source=str(path))
