"""The rounds of a material in order: labels by fate, errors, what decided, and their chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from umklapp.learning.assessment import Criterion
from umklapp.report.page.formatting import plain
from umklapp.report.page.sources import MaterialSources
from umklapp.wording import counted

CRITERIA = {
    "still_uncertain": "still uncertain",
    "search": "length of the search",
    "training": "training",
    "force": "force error on new labels",
    "worst_atom": "worst atom",
    "checks": "labels drawn at random",
    "calibration": "calibration",
    "anharmonicity": "σᴬ",
    "kappa": "κ",
    "finetune": "fine-tuning",
}
"""Names of the criteria of an assessment for people."""


@dataclass(frozen=True)
class Step:
    """One assessed round.

    chosen: labels of uncertain frames; random: labels of frames drawn at random; failed: frames
    without a label; audit_labels: of its audit. fates: frames of the exploration by what became of
    them, empty where acquisition.json is not there. ended: replicas by why they ended. errors in
    eV/Å: test_mae on held-out frames, new_mae on the new labels before they were learned, wanted:
    the limit of the latter. still_uncertain, bound_share: share of frames above the bound and its
    limit. criteria: name for people and what was found.
    """

    round_index: int
    training: int
    explored: int
    chosen: int
    random: int
    failed: int
    audit_labels: int
    fates: dict[str, int]
    ended: dict[str, int]
    test_mae: float
    new_mae: float | None
    wanted: float | None
    still_uncertain: float | None
    bound_share: float | None
    calibration: float | None
    events: str
    criteria: list[tuple[str, Criterion]]
    reason: str
    converged: bool
    audit: str
    audit_outcome: str


def steps(sources: MaterialSources) -> list[Step]:
    """All assessed rounds of a material."""
    return [_step(sources, place) for place in range(len(sources.rounds))]


def _step(sources: MaterialSources, place: int) -> Step:
    record = sources.rounds[place]
    assessment, committee, audit = record.assessment, record.committee, record.audit
    criteria = assessment.criteria
    force, uncertain = criteria.get("force"), criteria.get("still_uncertain")
    calibration = criteria.get("calibration")
    acquisition = sources.acquisitions.get(assessment.round)
    labelled = assessment.accepted - assessment.failed
    return Step(
        round_index=assessment.round,
        training=assessment.training_frames,
        explored=assessment.explored,
        chosen=max(0, labelled - assessment.checks),
        random=assessment.checks,
        failed=assessment.failed,
        audit_labels=audit.labels if audit else 0,
        fates=dict(acquisition.counts) if acquisition else {},
        ended=dict(acquisition.replicas) if acquisition else {},
        test_mae=committee.test.force_mae_eV_per_A,
        new_mae=force.value if force else None,
        wanted=force.limit if force else None,
        still_uncertain=uncertain.value if uncertain else None,
        bound_share=uncertain.limit if uncertain else None,
        calibration=calibration.value if calibration else None,
        events=criteria["search"].words if "search" in criteria else "",
        criteria=[(CRITERIA.get(name, name), criterion) for name, criterion in criteria.items()],
        reason=assessment.reason,
        converged=assessment.converged,
        audit=audit.reason if audit else "no audit of this round",
        audit_outcome=audit.outcome if audit else "",
    )


WIDTH, NARROW, HEIGHT = 660.0, 350.0, 250.0
ROUND = 50.0
"""Pixels of a column that has room for the word *round* beside its number."""

LEFT, RIGHT, TOP, MIDDLE, BOTTOM = 58.0, 14.0, 12.0, 118.0, 214.0


def chart(rounds: Sequence[Step], width: float = WIDTH, look: str = "broad") -> Markup:
    """Labels of every round as bars, force errors (meV/Å) below; one column per round.

    Args:
        width: in pixels. look: class of its style.
    """
    if not rounds:
        return Markup("")
    end = width - RIGHT
    column = (end - LEFT) / len(rounds)
    most = max(1, *(step.chosen + step.random + step.failed + step.audit_labels for step in rounds))
    errors = [1e3 * v for s in rounds for v in (s.test_mae, s.new_mae, s.wanted) if v is not None]
    highest = round_up(1.05 * max(errors))
    parts = [
        _axis(TOP, MIDDLE - 18, most, "labels", end),
        _axis(MIDDLE, BOTTOM, highest, "meV/Å", end),
    ]
    lines: dict[str, list[tuple[float, float]]] = {"test": [], "new": []}
    for place, step in enumerate(rounds):
        x = LEFT + column * (place + 0.5)
        parts.append(_bar(step, x, min(40.0, 0.5 * column), most))
        for name, value in (("test", step.test_mae), ("new", step.new_mae)):
            if value is not None:
                y = BOTTOM - 1e3 * value / highest * (BOTTOM - MIDDLE)
                lines[name].append((x, y))
        parts.append(
            f'<text x="{x:.1f}" y="{BOTTOM + 18:.0f}" class="tick" text-anchor="middle">'
            f"{'round ' if column > ROUND else ''}{step.round_index}</text>"
        )
    wanted = rounds[-1].wanted
    if wanted is not None:
        y = BOTTOM - 1e3 * wanted / highest * (BOTTOM - MIDDLE)
        parts.append(
            f'<line x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" class="wanted">'
            f"<title>wanted on new labels: {plain(1e3 * wanted)} meV/Å</title></line>"
        )
    for name, points in lines.items():
        parts.append(_curve(name, points))
    text = "; ".join(
        f"round {s.round_index}: {counted(s.chosen, 'label')} chosen, {s.random} at random, "
        f"{s.failed} failed, {s.audit_labels} of the audit, "
        f"test error {plain(1e3 * s.test_mae)} meV/Å"
        for s in rounds
    )
    return Markup(
        f'<svg class="chart {look}" viewBox="0 0 {width:.0f} {HEIGHT:.0f}" role="img" '
        f'aria-label="{escape(text)}">{"".join(parts)}</svg>'
    )


def round_up(value: float) -> float:
    """The next number with one or two digits that people expect at the end of an axis."""
    power = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    steps = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10)
    return next((step * power for step in steps if step * power >= value), 10 * power)


def _axis(top: float, bottom: float, highest: float, name: str, end: float) -> str:
    marks = "".join(
        f'<line x1="{LEFT}" x2="{end}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>'
        f'<text x="{LEFT - 6}" y="{y + 4:.1f}" class="tick" text-anchor="end">{text}</text>'
        for y, text in ((bottom, "0"), (top, f"{highest:g}"))
    )
    middle = (top + bottom) / 2
    return marks + (
        f'<text x="14" y="{middle:.1f}" class="tick" text-anchor="middle" '
        f'transform="rotate(-90 14 {middle:.1f})">{name}</text>'
    )


def _bar(step: Step, x: float, width: float, most: int) -> str:
    y, pieces = MIDDLE - 18, []
    for name, count, meaning in (
        ("chosen", step.chosen, "uncertain frames, labelled"),
        ("random", step.random, "frames drawn at random, labelled"),
        ("audit", step.audit_labels, "labels of the audit"),
        ("failed", step.failed, "frames without a label"),
    ):
        height = count / most * (MIDDLE - 18 - TOP)
        if count:
            y -= height
            pieces.append(
                f'<rect x="{x - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}" class="{name}"><title>'
                f"round {step.round_index}: {count} {meaning}"
                "</title></rect>"
            )
    return "".join(pieces)


def _curve(name: str, points: Sequence[tuple[float, float]]) -> str:
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"/>' for x, y in points)
    return f'<g class="curve {name}"><polyline points="{path}"/>{dots}</g>'
