"""The page itself: what the templates are given, and the file."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from umklapp.files import replacing
from umklapp.paths import Results
from umklapp.report import advice, comparison, without_rounds, zero_label
from umklapp.report.page import (
    kappa_marks,
    origins,
    quantities,
    rounds,
    standing,
    structure_drawing,
)
from umklapp.report.page.figure_images import Figure, figures
from umklapp.report.page.figure_images import of_campaign as overview_figures
from umklapp.report.page.formatting import plain, with_error, without
from umklapp.report.page.quantities import Quantity
from umklapp.report.page.rounds import Step
from umklapp.report.page.sources import CampaignSources, MaterialSources, of_campaign
from umklapp.report.page.standing import Row
from umklapp.wording import counted

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MaterialSection:
    """Everything that one material's part of the page shows."""

    row: Row
    apart: str | None
    sources: MaterialSources
    advice: str
    problems: list[str]
    crystal: Markup
    species: list[tuple[str, str]]
    forest: Markup
    steps: list[Step]
    timeline: Markup
    quantities: list[Quantity]
    figures: list[Figure]
    reference: list[tuple[str, str]]
    transport: list[tuple[str, str]]
    provenance: list[tuple[str, str]]
    rerun: list[tuple[str, str]]


def section(sources: MaterialSources, campaign: CampaignSources) -> MaterialSection:
    """The part of one material."""
    primitive, steps, row = sources.primitive, rounds.steps(sources), standing.row(sources)
    problems = (
        without_rounds.problems(sources.stop, sources.baseline)
        if sources.stop
        else _problems_of_rounds(sources)
    )
    apart = standing.apart_from_literature(row)
    problems += [f"κ by the Boltzmann equation is {apart}"] if apart else []
    return MaterialSection(
        row=row,
        apart=apart,
        sources=sources,
        advice=advised(sources),
        problems=problems,
        crystal=structure_drawing.draw(primitive, sources.key) if primitive else Markup(""),
        species=structure_drawing.legend(primitive) if primitive else [],
        forest=Markup("").join(
            kappa_marks.forest(
                quantities.kappa_table(sources),
                bool(row.green_kubo and row.green_kubo.doubt),
                layout,
            )
            for layout in (kappa_marks.BROAD, kappa_marks.NARROW)
        ),
        steps=steps,
        timeline=rounds.chart(steps) + rounds.chart(steps, rounds.NARROW, "narrow"),
        quantities=quantities.quantities(sources),
        figures=figures(Results(str(campaign.folder)), sources.key),
        reference=origins.reference_settings(sources, campaign),
        transport=origins.transport_settings(sources),
        provenance=origins.provenance(sources),
        rerun=origins.rerun(sources, campaign),
    )


def _problems_of_rounds(sources: MaterialSources) -> list[str]:
    conductivity = sources.conductivity
    problems = (
        comparison.missing(conductivity, sources.green_kubo, sources.effective, sources.errors)
        if conductivity
        else []
    )
    return problems + zero_label.problems(sources.baseline, sources.corrected)


def advised(sources: MaterialSources) -> str:
    """Which κ to trust, made anew with today's rules; empty while there is no κ."""
    if sources.stop is not None:
        return without_rounds.advice(sources.stop)
    if sources.conductivity is None or not sources.finished:
        return ""
    verdict = sources.verdict
    return advice.advice(
        verdict.overall_sigma("after") if verdict else None,
        sources.conductivity.not_computed is None,
        advice.missing_green_kubo(sources.green_kubo, sources.audit),
        standing.trust_doubts(sources),
        verdict.no_sigma("after") if verdict else None,
    )


def render(campaign: CampaignSources, now: float) -> str:
    """The whole page as html.

    Args:
        now: seconds since 1970, for the date on the page.
    """
    sections = [section(material, campaign) for material in campaign.materials]
    sections.sort(key=lambda part: part.row.rank)
    rows = [part.row for part in sections]
    environment = Environment(
        loader=PackageLoader("umklapp.report.page"),
        autoescape=select_autoescape(["html.j2", "html"], default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"with_error": with_error, "plain": plain, "without": without}
    template = environment.get_template("campaign.html.j2")
    folder = Path(__file__).parent / "templates"
    axis = kappa_marks.common_axis(rows)
    return template.render(
        campaign=campaign,
        sections=sections,
        levels=standing.LEVELS,
        counts={level: sum(row.level == level for row in rows) for level in standing.LEVELS},
        strips={row.key: kappa_marks.strip(row, axis) for row in rows},
        axis=axis,
        overview=overview_figures(Results(str(campaign.folder))),
        shared=shared_hours(campaign),
        with_baseline=any(row.baseline for row in rows),
        with_gpu=any(row.gpu_hours for row in rows),
        date=datetime.fromtimestamp(now).astimezone().strftime("%d %B %Y, %H:%M %Z"),
        theme=Markup((folder / "theme.js").read_text()),
        css=Markup((folder / "page.css").read_text()),
        script=Markup((folder / "page.js").read_text()),
    )


def shared_hours(campaign: CampaignSources) -> float:
    """Core hours of all materials."""
    return sum(
        float(material.costs["core_hours"].sum())
        for material in campaign.materials
        if len(material.costs)
    )


def write(folder: Path, out: Path | None = None) -> Path:
    """Write the page of a results folder, by default as its report.html's neighbour, page.html.

    Raises:
        InputError: there is no such folder, or no material in it.
    """
    now = time.time()
    campaign = of_campaign(folder, now)
    path = Path(Results(str(folder)).page) if out is None else out
    with replacing(path) as part:
        part.write_text(render(campaign, now), encoding="utf-8")
    size = path.stat().st_size / 1e6
    log.info(f"{path}: {counted(len(campaign.materials), 'material')}, {size:.1f} MB")
    return path
