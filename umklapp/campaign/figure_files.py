"""Which figures a campaign has: of one material, of all of them, of the archived benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from umklapp.campaign import stops
from umklapp.config import Campaign
from umklapp.paths import Material, Results
from umklapp.transport.stop_rule.record import stopped

STUDY = ("sigma_parity", "event_share", "flagged", "kappa_parity", "spent")
"""Figures of all materials that `figure_study` draws."""

BENCHMARKS = {
    "strategies": ("label_efficiency_bed.csv", "label_efficiency_nacl.csv",
                   "label_efficiency_kcl.csv"),
    "finetuning": ("phonon_finetuning_nacl.csv", "phonon_finetuning_mgo.csv",
                   "phonon_finetuning_cui.csv", "phonon_finetuning_gpaw64.csv"),
    "panel": ("panel.csv",),
    "zero_label": ("zero_label.csv",),
}  # fmt: skip
"""Figures of the archived benchmarks, with the tables that each is drawn from."""

ARCHIVE = "benchmarks/results"
"""Where these tables are, from the repository."""


def has_lifetimes(campaign: Campaign, places: Material) -> bool:
    """Whether lifetimes before and after learning can be drawn without making rounds again.

    They come from κ on the coarse mesh of the rounds. Archives and rounds of umklapp before it kept
    the phonons of that mesh have none.
    """
    if "kappa" not in campaign.rounds.physics:
        return False
    if places.is_archive:
        return Path(places.lifetimes).exists()
    first = places.round(0).conductivity(0)
    return Path(first.modes).exists() or not Path(first.record).exists()


def names(campaign: Campaign, places: Material) -> list[str]:
    """Names of the figures of one material; without rounds there is one."""
    if stops.rule(campaign) and stopped(places):
        return ["comparison"]
    chosen = ["learning_curve", "uncertainty", "events", "bands", "kappa", "comparison"]
    chosen += ["lifetimes"] if has_lifetimes(campaign, places) else []
    chosen += ["finetune"] if campaign.finetune else []
    chosen += ["green_kubo"] if campaign.green_kubo else []
    chosen += ["elastic"] if campaign.elastic else []
    return chosen


def of_material(campaign: Campaign, results: Results, material: str) -> list[str]:
    """All figures of one material."""
    figures = results.figures_of(material)
    return [figures.png(name) for name in names(campaign, results.material(material))]


def overview(results: Results, whole: bool) -> list[str]:
    """Figures of all materials.

    Args:
        whole: False for a shard, which has those of the literature alone.
    """
    chosen = ("kappa_sigma", "campaign", *STUDY) if whole else ("kappa_sigma",)
    return [results.overview.png(name) for name in chosen]


def tables(name: str) -> list[str]:
    """The archived tables of a figure that are here; none where the benchmark has not run."""
    paths = [f"{ARCHIVE}/{table}" for table in BENCHMARKS[name]]
    return [path for path in paths if Path(path).exists()]


def of_benchmarks(results: Results) -> list[str]:
    """Figures of the archived benchmarks whose tables are here."""
    return [results.benchmark_figures.png(name) for name in BENCHMARKS if tables(name)]


def by_name(campaign: Campaign, results: Results, materials: Sequence[str]) -> dict[str, list[str]]:
    """The same figure of every material that has it, by its name."""
    figures: dict[str, list[str]] = {}
    for material in materials:
        for name in names(campaign, results.material(material)):
            figures.setdefault(name, []).append(results.figures_of(material).png(name))
    return figures
