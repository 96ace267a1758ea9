"""What a job's result depends on beside its files: parameters of the rules, as plain values.

Snakemake makes a file again when a parameter has changed, so each is as small as it can be: a
setting of the analysis is no parameter of the dynamics that it analyses.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from umklapp import provenance
from umklapp.campaign.requests import Wildcards
from umklapp.campaign.training_starts import goes_on, pretraining
from umklapp.campaign.untracked import SameNumber, SameSection, Untracked, compared_as
from umklapp.config import (
    OPERATION,
    Audit,
    Campaign,
    Gpaw,
    GreenKubo,
    LabelKeys,
    MdExploration,
    Program,
)
from umklapp.config.base import Section
from umklapp.config.green_kubo import MOVES
from umklapp.config.potential import Potential
from umklapp.config.transport import SOLUTION
from umklapp.crystals import prototypes
from umklapp.errors import InputError

CURVATURE_SOURCE = {"kind", "labels", "supercell", "displacement", "equilibrium"}
"""Settings of fine-tuning that its labels depend on; the others are of the training."""

OPTIMISER = {"steps", "learning_rate", "batch_size", "ema_decay", "energy_scale"}
"""Settings of `potential.taylor` that only a network over the expansion depends on."""

MEMBERS = "fraction", "seeds"
"""Settings of `committee` that the training of one member depends on."""

REFERENCES = Gpaw, Program
RUNNING = sorted({"max_iterations", *OPERATION} - {"pseudo_dir", "species_dir"})
"""Settings of a reference engine that decide whether and where there is a label, not what it is."""

Plain = dict[str, Any]
"""A section as json writes it; `config.parse` reads it again in the script."""


def plain(
    section: Section | None, include: set[str] | None = None, exclude: set[str] | None = None
) -> Plain | None:
    """A section of the configuration as a parameter; None where the campaign has no such section.

    Args:
        include: keys that the job depends on. exclude: keys that it does not depend on.
    """
    if section is None:
        return None
    dumped = section.model_dump(mode="json", include=include, exclude=exclude)
    if not isinstance(section, REFERENCES):
        return dumped
    fields = type(section).model_fields
    return compared_as(dumped, **{key: fields[key].default for key in RUNNING if key in fields})


def used(section: Section | None, *keys: str) -> SameSection | None:
    """A section of which the job uses these keys: a change of another key does not rerun it.

    The script is given the whole section; Snakemake compares unused keys at their defaults. None
    where the campaign has no such section.
    """
    if section is None:
        return None
    unused = type(section)().model_dump(mode="json", exclude=set(keys))
    return compared_as(section.model_dump(mode="json"), **unused)


def _learning(potential: Potential) -> Plain:
    """What a training depends on: the Taylor prior only where a network lies on it."""
    taylor = potential.taylor if potential.baseline == "taylor" else type(potential.taylor)()
    return compared_as(potential.model_dump(mode="json"), taylor=taylor.model_dump(mode="json"))


def _architecture(potential: Potential) -> Plain:
    network = plain(potential, exclude={"training", "taylor", "start"})
    return {**cast(Plain, network), "baseline": "none"}


@dataclass(frozen=True)
class Parameters:
    """Parameters of the jobs of a campaign.

    Args:
        campaign: the configuration. table: rows of all known materials by their keys.
    """

    campaign: Campaign
    table: pd.DataFrame

    def materials(self, wildcards: Wildcards) -> Plain:
        """Section `materials` as one material sees it: another one's change does not rerun it."""
        own = self.campaign.materials.of(wildcards.material).model_dump(mode="json")
        if self.campaign.materials.cells_keys == LabelKeys():
            del own["cells_keys"]  # so that campaigns of before there were keys stay as they are
        return own

    def recipe(self, wildcards: Wildcards) -> Plain:
        """What the primitive cell is built from: a changed lattice parameter reruns it."""
        chosen = self.campaign.materials
        if chosen.cells is not None:
            from umklapp.crystals.formats.force_sets import is_params  # phono3py: where it is asked

            if is_params(chosen.cells):
                return {}
        row = cast(pd.Series, self.table.loc[wildcards.material])
        return prototypes.recipe(row, chosen.structures)

    def born_file(self, wildcards: Wildcards) -> str | None:
        """What the file or table of Born charges says of one material; None where there is none."""
        said, material = self.campaign.phonons.born, wildcards.material
        if isinstance(said, Path):
            from umklapp.crystals.formats import born_files  # phonopy: where a file is named

            try:
                return born_files.identity(born_files.path_of(said, material), material)
            except InputError:
                return None  # a crystal that is not polar needs no file; others were named before
        table = self.campaign.materials.structures / prototypes.BORN
        if said == "auto" and table.is_file():
            return provenance.digest(prototypes.read_yaml(table).get(material))
        return None

    def label_timeout(self) -> SameNumber:
        """Wall time of one label (s); a change repeats nothing."""
        resources = self.campaign.resources
        return SameNumber(resources.label_timeout, type(resources)().label_timeout)

    def label_tries(self) -> Untracked:
        """Starts of a frame that kills its process; a change repeats nothing."""
        return Untracked(self.campaign.resources.label_tries)

    def taylor_phonons(self) -> SameSection | None:
        """What the Taylor expansion under a member depends on; nothing without one."""
        below = ["force_constants"] if self.campaign.potential.baseline == "taylor" else []
        return used(self.campaign.phonons, *below)

    def conductivity_phonons(self) -> Plain:
        """What κ depends on; the mesh of the thermodynamics is not."""
        phonons = self.campaign.phonons
        return compared_as(phonons.model_dump(mode="json"), mesh=type(phonons)().mesh)

    def kappa(self, *further: str) -> SameSection | None:
        """What κ by the Boltzmann equation depends on.

        Args:
            further: the meshes of the job, and what else of `conductivity` it uses.
        """
        return used(self.campaign.conductivity, *SOLUTION, *further)

    def effective_kappa(self) -> SameSection | None:
        """What κ with effective force constants depends on: its temperature is that of the run."""
        return used(self.campaign.conductivity, "mesh", *set(SOLUTION) - {"temperatures"})

    def effective_phonons(self) -> SameSection | None:
        """What κ with effective force constants depends on: the dynamics displaces the atoms."""
        return used(self.campaign.phonons, "force_constants", "imaginary")

    def prior(self) -> SameSection | None:
        """What the Taylor expansion of residual forces depends on."""
        taylor = self.campaign.potential.taylor
        return used(taylor, *set(type(taylor).model_fields) - OPTIMISER)

    def correction(self) -> SameSection | None:
        """What the Taylor correction of the members depends on; nothing without one."""
        if self.campaign.phonons.correction == "taylor":
            return self.prior()
        return used(self.campaign.potential.taylor)

    def member(self) -> SameSection | None:
        """What the training of one member depends on; how the committee is evaluated is not."""
        return used(self.campaign.committee, *MEMBERS)

    def baseline(self) -> Plain | None:
        """What the foundation model is asked, as a section; where its Python is changes nothing."""
        section = plain(self.campaign.foundation, exclude={"stop"})
        return None if section is None else compared_as(section, correction=True)

    def baseline_phonons(self) -> SameSection | None:
        """What κ by the foundation model depends on: its cells are displaced at random."""
        return used(self.campaign.phonons, "imaginary", "pair_cutoff", "random_amplitude")

    def stop(self, *keys: str) -> SameSection | None:
        """What a job of the stop rule depends on.

        Args:
            keys: of the rule's section that it uses.
        """
        return used(self.campaign.foundation.stop, *keys) if self.campaign.foundation else None

    def stop_phonons(self) -> SameSection | None:
        """What the harmonic crystal of the corrected model depends on."""
        keys = "imaginary", "pair_cutoff", "random_amplitude", "displacement"
        return used(self.campaign.phonons, *keys)

    def stop_audit(self) -> Plain:
        """Temperature and bounds of the audit of the stop rule: those of every audit."""
        bounds = {"temperature", "largest_error", "anharmonic_error"}
        return (self.campaign.audit or Audit()).model_dump(mode="json", include=bounds)

    def seed(self, wildcards: Wildcards) -> Plain:
        """One entry of `seeds`."""
        return self.campaign.seeds[int(wildcards.index)].model_dump(mode="json")

    def seeds(self, *kinds: str) -> list[tuple[int, Plain]]:
        """Entries of `seeds` of these kinds, each with its place."""
        return [
            (index, seed.model_dump(mode="json"))
            for index, seed in enumerate(self.campaign.seeds)
            if seed.kind in kinds
        ]

    def nomad_query(self, wildcards: Wildcards) -> Plain:
        """What a download depends on; which frames are taken from it changes no file."""
        seed = self.campaign.seeds[int(wildcards.index)]
        return seed.model_dump(mode="json", exclude={"every", "skip", "count"})

    def finding_events(self) -> Plain:
        """What finding events depends on; the other settings are of the judging."""
        names = {"reference", "reference_keys", "enter", "leave", "shortest", "gap", "sigma_atoms"}
        return self.campaign.verdict.model_dump(mode="json", include=names)

    def assessed_events(self) -> Plain:
        """What the assessment of a round finds events by: it reads no reference dynamics."""
        unset = type(self.campaign.verdict)().model_dump(mode="json")
        names = "reference", "reference_keys", "sigma_atoms"
        return compared_as(self.finding_events(), **{name: unset[name] for name in names})

    def persistence_runs(self) -> SameSection | None:
        """What the continuation of labelled events depends on; the bound is of its judgement."""
        return used(self.campaign.verdict.persistence, "frames", "duration")

    def persistence_dynamics(self) -> SameSection | None:
        """How labelled events are continued: as the exploration moves (defaults for a pool)."""
        exploration = self.campaign.exploration
        dynamics = exploration if exploration.kind == "md" else MdExploration()
        return used(dynamics, "timestep", "friction")

    def choice(self) -> SameSection | None:
        """What the choice of frames depends on; a and b of P_U are of strategy `almomd`."""
        acquisition = self.campaign.acquisition
        unused = {"shift", "width"} if acquisition.strategy != "almomd" else set()
        return used(acquisition, *set(type(acquisition).model_fields) - unused)

    def low_fidelity_sampling(self, wildcards: Wildcards) -> Plain:
        """What dynamics on a cheap surface depends on, as a seed that can be parsed again."""
        return {**self.seed(wildcards), "distillation": None, "pretrain": None}

    def distillation(self, wildcards: Wildcards) -> Plain | None:
        """How the cheap frames worth a label are found."""
        return self.seed(wildcards)["distillation"]

    def cheap_frames(self, wildcards: Wildcards) -> int:
        """How many cheap frames are to be labelled."""
        return self.seed(wildcards)["count"]

    def pretraining(self) -> Plain | None:
        """How members learn a cheap surface first, where a seed asks for it."""
        first = pretraining(self.campaign)
        return plain(first[1]) if first else None

    def potential(self, wildcards: Wildcards) -> Plain:
        """The potential's settings, with those of the transfer where a cheap surface came first."""
        potential, first = self.campaign.potential, pretraining(self.campaign)
        if first and not goes_on(self.campaign, int(wildcards.round)):
            potential = first[1].transfer(potential)
        return _learning(potential)

    def learning(self) -> Plain:
        """What trainings outside the rounds depend on."""
        return _learning(self.campaign.potential)

    def architecture(self) -> Plain:
        """What a compiled graph depends on: the network without training, start or baseline.

        The graph of a network is the same whatever it is added to; a Taylor baseline without the
        training that it needs (`stress_weight: 0`) could not be parsed again.
        """
        return _architecture(self.campaign.potential)

    def distillation_architecture(self, wildcards: Wildcards) -> Plain | None:
        """What the compiled graph of the networks of a distillation depends on; None without."""
        seed = self.campaign.seeds[int(wildcards.index)]
        settings = seed.distillation if seed.kind == "low_fidelity" else None
        return None if settings is None else _architecture(settings.potential)

    def curvature_source(self) -> Plain | None:
        """What the labels of fine-tuning depend on."""
        return plain(self.campaign.finetune, include=CURVATURE_SOURCE)

    def finetuning(self) -> Plain | None:
        """What fine-tuning depends on beside its labels."""
        return plain(self.campaign.finetune, exclude={"labels", "supercell"})

    def elastic(self) -> SameSection | None:
        """What elastic constants of the members depend on."""
        return used(self.campaign.elastic, "amplitudes", "cell", "relax", "fmax", "smax")

    def elastic_reference(self) -> SameSection | None:
        """What elastic constants of the reference engine depend on."""
        return used(self.campaign.elastic, "amplitudes", "cell", "reference_fmax")

    def heat_flux(self) -> SameSection | None:
        """What κ by Green–Kubo depends on; frames for effective force constants are not."""
        return used(self.campaign.green_kubo, *set(GreenKubo.model_fields) - {"effective_frames"})

    def trajectory(self) -> Plain | None:
        """What a heat-flux trajectory depends on."""
        return plain(self.campaign.green_kubo, include={*MOVES, "supercell"})

    def audited_phonons(self) -> Plain | None:
        """What displaced cells and their forces depend on."""
        return plain(self.campaign.phonons, exclude={"mesh", "imaginary", "born"})

    def audited_dynamics(self) -> Plain | None:
        """What the usable frames of the heat-flux trajectories depend on."""
        return plain(self.campaign.green_kubo, include={*MOVES, "supercell", "max_drift", "gauge"})

    def audit_draw(self) -> Plain | None:
        """What the frames of an audit depend on; the bounds are of its judgement."""
        return plain(self.campaign.audit, include={"labels", "temperature"})

    def audit_temperatures(self) -> dict[str, float]:
        """Temperature of the audit's sources that have one (K)."""
        audit, dynamics = self.campaign.audit, self.campaign.green_kubo
        temperatures = {"thermal": audit.temperature} if audit else {}
        return temperatures | ({"green_kubo": dynamics.temperature} if dynamics else {})

    def effective_frames(self) -> int:
        """Frames of the dynamics that effective force constants are fitted to."""
        return self.campaign.green_kubo.effective_frames if self.campaign.green_kubo else 0
