"""Which files a job asks for: input functions of the rules, as pure functions of the campaign.

Every method that takes `wildcards` is an input function of Snakemake, and an empty list is its word
for "nothing". What needs to know which rounds are done is not here but in rules/common.smk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from umklapp.campaign import figure_files
from umklapp.campaign.shards import Shard
from umklapp.campaign.training_starts import goes_on, pretraining
from umklapp.config import Campaign
from umklapp.paths import Material, Results, Round

Files = str | list[str]
"""A path, or several; none where the list is empty."""


class Wildcards(Protocol):
    """What the names of a job's outputs say; a job has the wildcards of its own rule only."""

    material: str
    round: str
    member: str
    index: str


def seeds_of(campaign: Campaign, *kinds: str) -> list[int]:
    """Places of the configured seeds of these kinds."""
    return [index for index, seed in enumerate(campaign.seeds) if seed.kind in kinds]


@dataclass(frozen=True)
class Requests:
    """Files that the jobs of a campaign ask for.

    Args:
        campaign: the configuration. materials: keys of this run, of its shard only where it has
            one. species: chemical symbols of every one of them. shard: the part of the campaign
            that this run works on; None for all of it.
    """

    campaign: Campaign
    materials: Sequence[str]
    species: Mapping[str, Sequence[str]]
    shard: Shard | None = None

    @property
    def results(self) -> Results:
        """Where all results lie."""
        return Results(self.campaign.results)

    @property
    def members(self) -> range:
        """Numbers of the committee's members."""
        return range(self.campaign.committee.size)

    @property
    def chunks(self) -> range:
        """Numbers of the parallel label jobs of a stage."""
        return range(self.campaign.resources.label_chunks)

    def of(self, wildcards: Wildcards) -> Material:
        """The files of the job's material."""
        return self.results.material(wildcards.material)

    def _round(self, wildcards: Wildcards) -> Round:
        return self.of(wildcards).round(wildcards.round)

    # seeds

    def seeds_of(self, *kinds: str) -> list[int]:
        """Places of the configured seeds of these kinds."""
        return seeds_of(self.campaign, *kinds)

    def cells_of_seeds(self) -> dict[str, str]:
        """The phonon supercell as a pattern by name, where a seed of displaced frames is in it."""
        wanted = any(getattr(seed, "supercell", None) == "phonon" for seed in self.campaign.seeds)
        return {"phonon": self.results.material().phonon} if wanted else {}

    def labelled_by_user(self, wildcards: Wildcards) -> str:
        """The file of labelled frames that a seed names for a material.

        Raises:
            ValueError: the seed is of another kind.
        """
        seed = self.campaign.seeds[int(wildcards.index)]
        if seed.kind != "frames":
            raise ValueError(f"seeds.{wildcards.index} is of kind {seed.kind}, not frames")
        return str(seed.path_of(wildcards.material))

    def netcdf_of_user(self, wildcards: Wildcards) -> Files:
        """The user's netCDF files, which may hold force constants (FHI-vibes)."""
        named = [
            seed.path_of(wildcards.material)
            for seed in self.campaign.seeds
            if seed.kind == "frames"
        ]
        named += self.campaign.verdict.references(wildcards.material)
        return [str(path) for path in dict.fromkeys(named) if path.suffix == ".nc"]

    def reference_dynamics(self, wildcards: Wildcards) -> Files:
        """Trajectories of the reference: the user's, or the aimd seeds."""
        seeds = self.of(wildcards).seeds
        return [str(path) for path in self.campaign.verdict.references(wildcards.material)] or [
            seeds.aimd(index) for index in self.seeds_of("aimd")
        ]

    def surface_model(self, wildcards: Wildcards) -> Files:
        """The checkpoint that is a cheap surface; nothing for other surfaces."""
        seed = self.campaign.seeds[int(wildcards.index)]
        if seed.kind == "low_fidelity" and seed.surface.kind == "checkpoint":
            return str(seed.surface.path)
        return []

    def pool_to_learn(self, wildcards: Wildcards) -> Files:
        """The cheap labels that members learn first; nothing where no seed asks for it."""
        first = pretraining(self.campaign)
        return self.of(wildcards).low_fidelity.pool(first[0]) if first else []

    # training

    def previous(self, wildcards: Wildcards) -> Round | None:
        """The round before; None for the first."""
        round_index = int(wildcards.round)
        return self.of(wildcards).round(round_index - 1) if round_index else None

    def previous_dataset(self, wildcards: Wildcards) -> list[str]:
        """All training labels of the round before: one file, or none."""
        before = self.previous(wildcards)
        return [before.dataset] if before else []

    def previous_labels(self, wildcards: Wildcards) -> list[str]:
        """New labels of the round before."""
        before = self.previous(wildcards)
        return [before.labels(chunk) for chunk in self.chunks] if before else []

    def previous_exploration(self, wildcards: Wildcards) -> list[str]:
        """Exploration of the round before."""
        before = self.previous(wildcards)
        return [before.exploration] if before else []

    def previous_kappa(self, wildcards: Wildcards) -> list[str]:
        """κ of every member in the round before, where κ is a criterion of the rounds."""
        before = self.previous(wildcards)
        if before is None or "kappa" not in self.campaign.rounds.physics:
            return []
        return [before.conductivity(member).record for member in self.members]

    def parent(self, wildcards: Wildcards) -> Files:
        """The same member of the round before where training goes on from it."""
        before = self.previous(wildcards)
        if before is None or not goes_on(self.campaign, int(wildcards.round)):
            return []
        return before.member(wildcards.member).model

    def start(self, wildcards: Wildcards) -> Files:
        """What a member starts from where it does not go on from the round before."""
        if self.parent(wildcards):
            return []
        if pretraining(self.campaign) is not None:
            return self.of(wildcards).low_fidelity.model(wildcards.member)
        if self.campaign.potential.start is None:
            return []
        return self.campaign.potential.start_of(wildcards.material, int(wildcards.member)) or []

    def finetune_records(self, wildcards: Wildcards) -> list[str]:
        """Records of the fine-tuning of every member, where there is one."""
        if self.campaign.finetune is None:
            return []
        return [self._round(wildcards).member(member).finetune for member in self.members]

    def curvature_file(self, wildcards: Wildcards) -> Files:
        """The user's force constants; nothing where the reference engine makes them."""
        settings = self.campaign.finetune
        if settings is None or settings.labels == "reference":
            return []
        return str(settings.labels).replace("{material}", wildcards.material)

    # compiled graphs

    def _species_count(self, material: str) -> int:
        return len(set(self.species[material]))

    def engine(self, wildcards: Wildcards) -> str:
        """The compiled graph for the species of a material, where the job's device is."""
        return self._on_device(self.cpu_engine(wildcards))

    def cpu_engine(self, wildcards: Wildcards) -> str:
        """That of a job that asks for no GPU."""
        return self.results.engine(self._species_count(wildcards.material))

    def flux_engine(self, wildcards: Wildcards) -> str:
        """The compiled graph that gives the heat flux too."""
        return self._on_device(self.results.flux_engine(self._species_count(wildcards.material)))

    def _on_device(self, graph: str) -> str:
        return self.results.gpu(graph) if self.campaign.resources.gpu else graph

    def distillation_engine(self, wildcards: Wildcards) -> Files:
        """The compiled graph of the networks that choose cheap frames; none for a random draw."""
        index = int(wildcards.index)
        if index not in self._distillations():
            return []
        species = self._species_count(wildcards.material)
        return self._on_device(self.results.distillation_engine(index, species))

    def _distillations(self) -> list[int]:
        """Places of the seeds whose cheap frames are chosen by networks."""
        return [
            index
            for index, seed in enumerate(self.campaign.seeds)
            if seed.kind == "low_fidelity" and seed.distillation is not None
        ]

    def engines(self) -> list[str]:
        """All compiled graphs of this run."""
        counts = sorted({self._species_count(material) for material in self.species})
        plain = [self.results.engine(count) for count in counts]
        graphs = [*plain]
        if self.campaign.green_kubo:
            graphs += [self.results.flux_engine(count) for count in counts]
        graphs += [
            self.results.distillation_engine(index, count)
            for index in self._distillations()
            for count in counts
        ]
        if self.campaign.resources.gpu:  # κ and other work of the processor has no card
            graphs = [*plain, *map(self.results.gpu, graphs)]
        return graphs

    # transport and elasticity

    def trajectories_of(self, one: Round) -> list[str]:
        """All heat-flux trajectories of the committee of a round."""
        settings = self.campaign.green_kubo
        return [one.trajectory(index) for index in range(settings.trajectories if settings else 0)]

    def trajectories(self, wildcards: Wildcards) -> list[str]:
        """All heat-flux trajectories of the job's round."""
        return self.trajectories_of(self._round(wildcards))

    def trajectory_member(self, wildcards: Wildcards) -> str:
        """The member that drives a trajectory: all of the round's committee in turn."""
        member = int(wildcards.index) % self.campaign.committee.size
        return self._round(wildcards).member(member).model

    def error_budget(self, wildcards: Wildcards) -> Files:
        """What ± of κ is made of; nothing for an archive from before there were error budgets."""
        places = self.of(wildcards)
        old = places.is_archive and not Path(places.error_budget).exists()
        return [] if old else places.error_budget

    def baseline(self, wildcards: Wildcards) -> Files:
        """What a foundation model says without any label, where it is asked for."""
        places = self.of(wildcards)
        return self._of_foundation(places, places.baseline, True)

    def corrected_baseline(self, wildcards: Wildcards) -> Files:
        """The same with the labels of the rounds."""
        settings, places = self.campaign.foundation, self.of(wildcards)
        wanted = settings is not None and settings.correction
        return self._of_foundation(places, places.corrected_baseline, wanted)

    def _of_foundation(self, places: Material, path: str, wanted: bool) -> Files:
        """A file of the foundation model; nothing for an archive that was made without one."""
        old = places.is_archive and not Path(path).exists()
        return path if self.campaign.foundation and wanted and not old else []

    def baselines(self) -> list[str]:
        """Those of all materials of this run, before any label."""
        if self.campaign.foundation is None:
            return []
        return [self.results.material(material).baseline for material in self.materials]

    def green_kubo(self, wildcards: Wildcards) -> Files:
        """Green–Kubo result, where it is asked for."""
        return self.of(wildcards).green_kubo if self.campaign.green_kubo else []

    def effective(self, wildcards: Wildcards) -> Files:
        """κ with effective force constants, where it is asked for."""
        settings = self.campaign.green_kubo
        return self.of(wildcards).effective if settings and settings.effective_frames else []

    def reference_modes(self, wildcards: Wildcards) -> Files:
        """The modes of a reference, where there is one."""
        path = self.campaign.conductivity.reference
        return str(path).replace("{material}", wildcards.material) if path else []

    def srme(self, wildcards: Wildcards) -> Files:
        """κ_SRME, where there is a reference."""
        return self.of(wildcards).srme if self.campaign.conductivity.reference else []

    def elastic(self, wildcards: Wildcards) -> Files:
        """Elastic constants, where they are asked for."""
        return self.of(wildcards).elastic if self.campaign.elastic else []

    def elastic_reference(self, wildcards: Wildcards) -> Files:
        """Elastic constants of the reference engine, where they are asked for."""
        settings = self.campaign.elastic
        return self.of(wildcards).elastic_reference if settings and settings.reference else []

    def elastic_cell(self, wildcards: Wildcards) -> str:
        """The cell that is strained."""
        settings = self.campaign.elastic
        return self.of(wildcards).supercell(settings.cell if settings else "primitive")

    # what people read

    def kappa_of_rounds(self, rounds: Sequence[Round]) -> list[str]:
        """κ of every member in every round, where κ is a criterion of the rounds."""
        if "kappa" not in self.campaign.rounds.physics:
            return []
        return [one.conductivity(member).record for one in rounds for member in self.members]

    def figures_of(self, material: str) -> list[str]:
        """All figures of one material."""
        return figure_files.of_material(self.campaign, self.results, material)

    def overview(self) -> list[str]:
        """Figures of all materials; a shard has those of the literature alone."""
        return figure_files.overview(self.results, whole=self.shard is None)

    def figures(self) -> list[str]:
        """Every figure of this run."""
        return self.overview() + [path for key in self.materials for path in self.figures_of(key)]

    def benchmark_figures(self) -> list[str]:
        """Those of the archived benchmarks; a shard has none."""
        return [] if self.shard else figure_files.of_benchmarks(self.results)

    def table(self, name: str, shard: Shard | None) -> str:
        """The table `summary` or `costs`; a shard has its own, and part 0 joins them."""
        if shard and shard.part:
            return self.results.part_table(name, shard.label)
        return {"summary": self.results.summary, "costs": self.results.costs}[name]

    def tables(self) -> list[str]:
        """What is made of all materials of this run."""
        return [self.table("summary", self.shard), *([] if self.shard else self.overview())]

    def shared_materials(self) -> list[str]:
        """Materials that the shared model learns from."""
        left_out = self.campaign.shared.leave_out
        return [material for material in self.materials if material not in left_out]
