"""Where every result file lies: each name is said once, here.

`Results` is the folder of a campaign; from it come the folders of a material, a round, a committee
member. A file is an attribute that gives its path as text, a numbered file a method:

    Results("results/demo").material("Si-227").round(3).member(0).model
    'results/demo/Si-227/round_03/member_0/model.ckpt'

Without a key or index the wildcard of the rules stands in its place, so that the same objects
give the patterns of the workflow: `Results("r").material().round().exploration` is
`r/{material}/round_{round}/exploration.h5`.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path
from typing import Self, overload

Index = int | str
"""An index, or the wildcard (or `*`) that stands for it."""


def existing(pattern: str) -> list[str]:
    """Paths on disk that match a pattern with `*` in it, sorted."""
    return sorted(glob.glob(pattern))  # noqa: PTH207 (the pattern may be an absolute path)


class File:
    """A file (or folder) with a fixed name in a `Folder`; read from an instance it is the path."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, folder: None, owner: type) -> Self: ...

    @overload
    def __get__(self, folder: Folder, owner: type) -> str: ...

    def __get__(self, folder: Folder | None, owner: type) -> Self | str:
        return self if folder is None else f"{folder.folder}/{self.name}"


@dataclass(frozen=True)
class Folder:
    """A folder of results: its path as text, also as a pattern."""

    folder: str

    def __str__(self) -> str:
        return self.folder


class Member(Folder):
    """A committee member within a round: `{material}/round_{round}/member_{member}`."""

    model = File("model.ckpt")
    ordinary = File("ordinary.ckpt")  # before fine-tuning, where there is one
    training = File("training.json")
    finetune = File("finetune.json")


class Conductivity(Folder):
    """κ of one committee member; `folder` is the path that the file names begin with."""

    @property
    def record(self) -> str:
        return f"{self.folder}.json"

    @property
    def fc2(self) -> str:
        return f"{self.folder}.fc2.hdf5"

    @property
    def modes(self) -> str:
        return f"{self.folder}.modes.hdf5"

    @property
    def params(self) -> str:
        return f"{self.folder}.params.yaml.xz"


class Stage(Folder):
    """What asks for labels: the seeds, a round, or events that are continued."""

    candidates = File("candidates.extxyz")

    def labels(self, chunk: Index = "{chunk}") -> str:
        """Labelled candidates of one job."""
        return f"{self.folder}/labels/{chunk}.extxyz"

    def failed(self, chunk: Index = "{chunk}") -> str:
        """Candidates of one job that could not be labelled."""
        return f"{self.folder}/labels/{chunk}.failed.json"


class Seeds(Stage):
    """Labelled frames before the first round."""

    train = File("train.extxyz")
    calibration = File("calibration.extxyz")
    test = File("test.extxyz")
    displaced = File("displaced.extxyz")  # finite displacements of harmonic seeds, never split

    def aimd(self, index: Index = "{index}") -> str:
        """Frames of ab initio MD; `index` is the seed's place in the configuration."""
        return f"{self.folder}/aimd_{index}.extxyz"

    def frames(self, index: Index = "{index}") -> str:
        """Labelled frames that the user has."""
        return f"{self.folder}/frames_{index}.extxyz"

    def nomad(self, index: Index = "{index}") -> str:
        """Labelled frames from NOMAD."""
        return f"{self.folder}/nomad_{index}.extxyz"


class Round(Stage):
    """One round of a material: `{material}/round_{round}`."""

    dataset = File("dataset.extxyz")
    committee = File("committee.json")
    test_errors = File("test_errors.csv")
    exploration = File("exploration.h5")
    acquisition = File("acquisition.json")
    assessment = File("assessment.json")
    audit = File("audit.json")
    audit_predictions = File("audit/predictions.h5")
    lesson = File("audit/lesson.extxyz")  # labels of a failed audit, for the next round
    lesson_record = File("audit/lesson.json")

    @property
    def audit_stage(self) -> Stage:
        """The frames of the audit and their labels."""
        return Stage(f"{self.folder}/audit")

    moved_potential = File("green_kubo/potential.json")  # what Green–Kubo moves, before it does
    dynamics_correction = File("green_kubo/correction.h5")

    @property
    def moved(self) -> dict[str, str]:
        """The Taylor correction in the dynamics and what is said of it, by name."""
        return {"correction": self.dynamics_correction, "moved": self.moved_potential}

    def trajectory(self, index: Index = "{index}") -> str:
        """A constant-energy run with its heat flux, by one of the round's members."""
        return f"{self.folder}/green_kubo/trajectory_{index}.h5"

    def member(self, member: Index = "{member}") -> Member:
        """The folder of a committee member."""
        return Member(f"{self.folder}/member_{member}")

    def conductivity(self, member: Index = "{member}") -> Conductivity:
        """κ of a member on the coarse mesh."""
        return Conductivity(f"{self.folder}/conductivity/member_{member}")

    @property
    def index(self) -> int:
        """The index that the folder's name ends with, from 0.

        Raises:
            ValueError: the folder is a pattern.
        """
        return int(self.folder.rpartition("_")[2])


class Persistence(Stage):
    """Labelled events that are continued; the engine labels where that ends."""

    runs = File("runs.json")


class LowFidelity(Folder):
    """Cheap labels and what has learned them; `index` is the seed's place in the configuration."""

    def pool(self, index: Index = "{index}") -> str:
        """Frames of the cheap dynamics."""
        return f"{self.folder}/pool_{index}.extxyz"

    def pool_record(self, index: Index = "{index}") -> str:
        """How the pool was sampled."""
        return f"{self.folder}/pool_{index}.json"

    def kept(self, index: Index = "{index}") -> str:
        """Frames of the pool that are worth a label."""
        return f"{self.folder}/kept_{index}.extxyz"

    def kept_record(self, index: Index = "{index}") -> str:
        """Why they were kept."""
        return f"{self.folder}/kept_{index}.json"

    def model(self, member: Index = "{member}") -> str:
        """A member that has learned the cheap surface."""
        return f"{self.folder}/member_{member}.ckpt"

    def record(self, member: Index = "{member}") -> str:
        """How that member was trained."""
        return f"{self.folder}/member_{member}.json"


class Nomad(Folder):
    """One NOMAD seed of a material: what the archive has, and what was taken."""

    listing = File("listing.json")
    manifest = File("manifest.json")


class Material(Folder):
    """All files of one material: `{material}`."""

    primitive = File("structure/primitive.extxyz")
    sampling = File("structure/sampling.extxyz")
    phonon = File("structure/phonon.extxyz")
    structure = File("structure/structure.json")
    born = File("structure/born.json")
    harmonic = File("structure/harmonic.h5")
    curvature = File("curvature/labels.h5")
    curvature_record = File("curvature/labels.json")
    final_committee = File("model/committee.json")
    conductivity = File("conductivity.json")
    mesh_convergence = File("conductivity/mesh.json")
    srme = File("conductivity/srme.json")
    error_budget = File("error_budget.json")
    bands = File("phonons/bands.h5")
    thermodynamics = File("phonons/thermodynamics.json")
    elastic = File("elastic.json")
    elastic_reference = File("elastic/reference.json")
    green_kubo = File("green_kubo.json")
    heat_flux = File("green_kubo/series.h5")
    effective = File("effective.json")
    effective_modes = File("green_kubo/effective.modes.hdf5")
    audit = File("audit.json")
    verdict = File("verdict.json")
    events = File("events.csv")
    event_record = File("events.json")
    history = File("history.json")
    test_errors = File("test_errors.csv")
    lifetimes = File("lifetimes.json")  # of phonons, by the first and by the last committee
    baseline = File("baseline.json")  # of a foundation model, before the first label
    rank = File("rank.json")  # what it says of when the material is worked on
    corrected_baseline = File("baseline/corrected.json")  # the same with labels
    stop = File("stop.json")  # whether the material is done without rounds
    stop_predictions = File("stop/audit/predictions.h5")
    stop_labels = File("stop/labels.extxyz")  # all that the rule has spent, for the rounds
    comparison = File("comparison.json")
    comparison_page = File("comparison.md")
    summary = File("summary.json")
    ledger = File("ledger")

    @property
    def key(self) -> str:
        """The material's key, `{formula}-{space group}`."""
        return self.folder.rpartition("/")[2]

    @property
    def seeds(self) -> Seeds:
        """Labelled frames before the first round."""
        return Seeds(f"{self.folder}/seeds")

    @property
    def low_fidelity(self) -> LowFidelity:
        """What a cheap surface gave."""
        return LowFidelity(f"{self.folder}/low_fidelity")

    @property
    def persistence(self) -> Persistence:
        """Labelled events that are continued."""
        return Persistence(f"{self.folder}/persistence")

    def stop_stage(self, part: str = "{part}") -> Stage:
        """Frames of the stop rule: `correction`, `check` or `audit`."""
        return Stage(f"{self.folder}/stop/{part}")

    def stage(self, stage: str = "{stage}") -> Stage:
        """`seeds`, `round_{round}` or `persistence`: the folder that a label job works for."""
        return Stage(f"{self.folder}/{stage}")

    def round(self, index: Index = "{round}") -> Round:
        """The folder of a round; numbers become the two digits of its name."""
        digits = f"{index:02d}" if isinstance(index, int) else index
        return Round(f"{self.folder}/round_{digits}")

    def rounds_on_disk(self) -> list[Round]:
        """Rounds that have begun, in order."""
        return [Round(path) for path in existing(self.round("*").folder) if Path(path).is_dir()]

    @property
    def is_archive(self) -> bool:
        """Whether only the small files behind the figures are here, and no round."""
        return Path(self.history).exists() and not self.rounds_on_disk()

    def supercell(self, cell: str) -> str:
        """A cell by its name: `primitive`, `sampling` or `phonon`."""
        return f"{self.folder}/structure/{cell}.extxyz"

    def nomad(self, index: Index = "{index}") -> Nomad:
        """The folder of a NOMAD seed."""
        return Nomad(f"{self.folder}/nomad_{index}")

    def final_model(self, member: Index = "{member}") -> str:
        """A member of the last round's committee."""
        return f"{self.folder}/model/member_{member}.ckpt"

    def member_conductivity(self, member: Index = "{member}") -> Conductivity:
        """κ of a member of the last committee."""
        return Conductivity(f"{self.folder}/conductivity/member_{member}")

    def scratch(self, name: str) -> str:
        """Restart state of a job, which Snakemake does not know and so does not delete."""
        return f"{self.folder}/scratch/{name}"


class Figures(Folder):
    """Figures of a material, or the overview; each with its vector form and its numbers."""

    def png(self, name: str) -> str:
        """The picture."""
        return f"{self.folder}/{name}.png"

    def pdf(self, name: str) -> str:
        """The same as vectors."""
        return f"{self.folder}/{name}.pdf"

    def csv(self, name: str) -> str:
        """The numbers in it."""
        return f"{self.folder}/{name}.csv"


class SharedModel(Folder):
    """The model of all materials, for another campaign."""

    def model(self, member: Index = "{member}") -> str:
        """A member."""
        return f"{self.folder}/member_{member}.ckpt"

    def record(self, member: Index = "{member}") -> str:
        """How it was trained."""
        return f"{self.folder}/member_{member}.json"

    def scratch(self, name: str) -> str:
        """Restart state of a job."""
        return f"{self.folder}/scratch/{name}"


class Results(Folder):
    """The results folder of a campaign."""

    summary = File("summary.csv")
    costs = File("costs.csv")
    nomad_sizes = File("nomad_sizes.json")
    report = File("report.html")
    report_archive = File("report.zip")
    page = File("campaign.html")  # the report of `umklapp report`
    status = File("status.json")
    last_run = File("campaign.json")  # configuration and versions of the last run
    logs = File("logs")
    benchmarks = File("benchmarks")
    engines = File("engines")
    figures = File("figures")
    part_tables = File("summaries")
    downloads = File("materials_project")

    def material(self, key: str = "{material}") -> Material:
        """The folder of a material."""
        return Material(f"{self.folder}/{key}")

    def engine(self, species: Index = "{species}") -> str:
        """The compiled graph for so many species."""
        return f"{self.engines}/{species}_species"

    def distillation_engine(self, index: Index = "{index}", species: Index = "{species}") -> str:
        """The compiled graph of the small networks of a distillation."""
        return f"{self.engines}/distillation_{index}_{species}_species"

    def gpu(self, graph: str) -> str:
        """The same graph compiled for a GPU."""
        return f"{graph}_cuda"

    def flux_engine(self, species: Index = "{species}") -> str:
        """The compiled graph that gives the heat flux too."""
        return f"{self.engine(species)}_flux"

    def figures_of(self, key: str = "{material}") -> Figures:
        """Figures of a material."""
        return Figures(f"{self.figures}/{key}")

    @property
    def overview(self) -> Figures:
        """Figures of all materials."""
        return Figures(f"{self.figures}/overview")

    @property
    def benchmark_figures(self) -> Figures:
        """Figures of the archived benchmarks (`benchmarks/results`)."""
        return Figures(f"{self.figures}/benchmarks")

    @property
    def shared(self) -> SharedModel:
        """The model of all materials."""
        return SharedModel(f"{self.folder}/shared")

    def part_table(self, name: str, label: str) -> str:
        """A table (`summary`, `costs`) of one shard; `label` is the shard's."""
        return f"{self.part_tables}/{name}_{label}.csv"


COMMON_FOLDERS = (
    *(Results.engines.name, Results.logs.name, Results.benchmarks.name, Results.figures.name),
    *(Results.part_tables.name, Results.downloads.name, "shared"),
)
"""Folders of `Results` that belong to no single material."""

COMMON_FILES = (
    *(Results.summary.name, Results.costs.name, Results.nomad_sizes.name, Results.report.name),
    *(Results.report_archive.name, Results.status.name, Results.last_run.name),
    Results.page.name,
)
"""Files of `Results` that belong to no single material."""
