"""Labels against predictions: the record of an audit, and what passes.

An audit passes where, on the labels of every source,

- there is a label at all;
- the mean |component| of the force error is within `rounds.force_error`;
- the worst atom is within `audit.largest_error`;
- the anharmonic (even) forces of thermal cells are right within `audit.anharmonic_error` of their
  size;

and over all sources found and expected error agree within `rounds.calibration_band`, or within what
so few blocks can tell. Where all of that holds and the labels still cannot exclude a mean error
above `rounds.force_error` (upper 95 % limit) the audit is *undecided*: nothing speaks against κ,
and too little speaks for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from scipy.stats import chi2

from umklapp import config
from umklapp.crystals import frames
from umklapp.crystals.frame_info import identity
from umklapp.transport.audit import statistics
from umklapp.transport.audit.predictions import Prediction
from umklapp.transport.audit.record import AuditRecord, Criterion, Outcome, Source, SourceAudit
from umklapp.transport.audit.statistics import FrameError
from umklapp.wording import counted, in_milli

LARGEST = 5.0
"""Times `rounds.force_error`: where all errors are Gaussian and as large as that allows, the worst
of some four hundred atoms is wrong by this much."""


@dataclass(frozen=True)
class Bounds:
    """What passes: force_error, largest (eV/Å), anharmonic (relative), ratio (found/expected)."""

    force_error: float
    largest: float
    anharmonic: float
    ratio: float

    @classmethod
    def of(cls, audit: config.Audit, rounds: config.Rounds) -> Bounds:
        """From the configuration."""
        return cls(
            rounds.force_error,
            audit.largest_error or LARGEST * rounds.force_error,
            audit.anharmonic_error,
            rounds.calibration_band,
        )


def judge(
    round_index: int,
    predictions: Sequence[Prediction],
    labels: Sequence[Atoms],
    not_drawn: dict[str, str],
    factor: float | None,
    bounds: Bounds,
    temperatures: dict[Source, float],
) -> AuditRecord:
    """The audit of a round.

    Args:
        predictions: for every frame that was sent to the engine.
        labels: those that came back; `info["frame_id"]` says of which frame.
        not_drawn: sources without frames, and why.
        factor: calibration factor of the committee; None where its members agree exactly.
        temperatures: K, of sources that have one.
    """
    if not predictions:
        why = "; ".join(f"{name}: {reason}" for name, reason in not_drawn.items())
        return AuditRecord(
            round=round_index, outcome="not audited", passed=False, another_round=False,
            words="not audited",
            reason=f"not audited: {why}", asked=0, labels=0, failed=0, calibration_factor=factor,
            not_drawn=not_drawn,
        )  # fmt: skip
    errors = frame_errors(predictions, labels)
    every = [error for error in errors if error is not None]
    names = list(dict.fromkeys(prediction.source for prediction in predictions))
    sources, criteria = [], []
    for name in names:
        places = [n for n, prediction in enumerate(predictions) if prediction.source == name]
        own = [error for n in places if (error := errors[n]) is not None]
        first = predictions[places[0]]
        source = _source(first, len(places), own, factor, temperatures.get(name))
        sources.append(source)
        criteria += source_criteria(source, bounds)
    honest = [
        error
        for error, prediction in zip(errors, predictions, strict=True)
        if error is not None and not prediction.corrected
    ]
    ratio = statistics.ratio_with_limits(honest, factor) if honest and factor else None
    if ratio is not None:
        criteria.append(ratio_criterion(ratio, len(statistics.blocks(honest)), bounds.ratio))
    mae, upper = statistics.mae_with_limit(every, factor) if every else (None, None)
    outcome = outcome_of(criteria, sources, mae, upper, bounds)
    expected = _expected(every, factor) if every else None
    failed = len(predictions) - len(every)
    limit = upper if outcome == "passed" else None
    statement = sentence(mae, limit, expected, len(every), failed)
    if outcome == "undecided":
        statement += f", too few to exclude the {in_milli(bounds.force_error)} wanted"
    open_points = [criterion.words for criterion in criteria if not criterion.met]
    if outcome == "undecided":
        open_points.append(too_few(sources, len(every), mae, upper, bounds))
    unseen = statistics.unseen_share(len(statistics.blocks(every))) if every else None
    remarks = [*unseen_frames(unseen), *not_audited(sources, not_drawn)]
    sentences = [*open_points, statement, *remarks]
    return AuditRecord(
        round=round_index, outcome=outcome, passed=outcome == "passed",
        another_round=outcome == "failed" and bool(every), words=statement,
        reason=f"{outcome}: {sentences[0]}", details=sentences[1:],
        asked=len(predictions), labels=len(every), failed=failed,
        calibration_factor=factor, mae=mae, mae_upper=upper, expected_mae=expected,
        ratio=ratio and ratio[0], ratio_lower=ratio and ratio[1], ratio_upper=ratio and ratio[2],
        unseen_share=unseen, criteria=criteria, sources=sources, not_drawn=not_drawn,
    )  # fmt: skip


def write_lesson(record: AuditRecord, labels: Sequence[Atoms], frames_to: Path, to: Path) -> None:
    """Labels and record of a failed audit, for the next round; the files of a passed one go."""
    if not record.another_round:
        frames_to.unlink(missing_ok=True)
        to.unlink(missing_ok=True)
        return
    record.write(to)
    frames.write_frames(frames_to, labels)


def frame_errors(
    predictions: Sequence[Prediction], labels: Sequence[Atoms]
) -> list[FrameError | None]:
    """The error of every prediction, None where its label failed."""
    label_of = {identity(label): label for label in labels}
    errors: list[FrameError | None] = []
    for prediction in predictions:
        label = label_of.get(prediction.frame_id)
        errors.append(
            None
            if label is None
            else FrameError.of(
                prediction.forces,
                prediction.energies,
                prediction.harmonic,
                label.get_forces(),
                label.get_potential_energy(),
                prediction.pair,
            )
        )
    return errors


def _expected(errors: Sequence[FrameError], factor: float | None) -> float | None:
    """Mean expected error, eV/Å; None where members without a spread expect nothing (κ of none)."""
    mean = float(np.mean([error.expected_mae(factor or 0.0) for error in errors]))
    return mean or None


def _source(
    first: Prediction,
    drawn: int,
    errors: Sequence[FrameError],
    factor: float | None,
    temperature: float | None,
) -> SourceAudit:
    """Numbers of one source. Args: first: of its predictions. drawn: frames asked for."""
    facts = {
        "name": first.source, "atoms": first.forces.shape[1], "temperature_K": temperature,
        "corrected": first.corrected, "drawn": drawn, "labels": len(errors),
        "failed": drawn - len(errors), "blocks": len(statistics.blocks(errors)),
    }  # fmt: skip
    if not errors:
        return SourceAudit(**facts)
    mae, upper = statistics.mae_with_limit(errors, factor)
    ratio = statistics.ratio_with_limits(errors, factor) if factor else None
    parts = statistics.parts(errors)
    return SourceAudit(
        **facts,
        mae=mae,
        mae_upper=upper,
        expected_mae=_expected(errors, factor),
        largest=max(error.largest for error in errors),
        energy_mae=float(np.mean([abs(error.energy) for error in errors])),
        energy_spread=float(np.mean([error.energy_spread for error in errors])),
        ratio=ratio and ratio[0],
        ratio_lower=ratio and ratio[1],
        ratio_upper=ratio and ratio[2],
        over_spread=ratio and factor and ratio[0] * factor,
        harmonic_error=parts and parts.harmonic_error,
        anharmonic_error=parts and parts.anharmonic_error,
        anharmonic_force_pairs=parts and parts.anharmonic_force,
        anharmonic_force=statistics.anharmonic_force(errors),
    )


def source_criteria(source: SourceAudit, bounds: Bounds) -> list[Criterion]:
    """What must hold on the labels of one source."""
    name = _title(source.name)
    if source.mae is None or source.largest is None:
        text = f"{name}: no label, all {source.failed} failed"
        return [Criterion(name=f"{source.name}: labels", met=False, value=0, limit=1, words=text)]
    criteria = [
        _at_most(
            f"{source.name}: force",
            source.mae,
            bounds.force_error,
            f"{name}: force MAE {in_milli(source.mae)} meV/Å on "
            f"{counted(source.labels, 'label')} (wanted {in_milli(bounds.force_error)})",
        ),
        _at_most(
            f"{source.name}: largest",
            source.largest,
            bounds.largest,
            f"{name}: the worst atom is wrong by {in_milli(source.largest)} meV/Å (wanted "
            f"{in_milli(bounds.largest)})",
        ),
    ]
    if source.name == "thermal" and source.anharmonic_error is not None:
        size = max(source.anharmonic_force_pairs or 0.0, statistics.SMALLEST)
        share = source.anharmonic_error / size
        criteria.append(
            _at_most(
                f"{source.name}: anharmonic",
                share,
                bounds.anharmonic,
                f"{name}: anharmonic forces are wrong by {share:.0%} (wanted "
                f"{bounds.anharmonic:.0%})",
            )
        )
    return criteria


def not_audited(sources: Sequence[SourceAudit], not_drawn: dict[str, str]) -> list[str]:
    """What no label speaks of, in words: sources without frames, anharmonic forces without pair."""
    reasons = [f"{_title(name)}: not audited, {why}" for name, why in not_drawn.items()]
    alone = "thermal: anharmonic forces not audited, no pair of ±u has both labels"
    thermal = [source for source in sources if source.name == "thermal" and source.labels]
    return reasons + [alone for source in thermal if source.anharmonic_error is None]


def _title(source: str) -> str:
    return source.replace("_", "–").replace("green–kubo", "Green–Kubo")


def ratio_criterion(
    ratio: tuple[float, float | None, float | None], count: int, band: float
) -> Criterion:
    """Found over expected error: within the band, or within chance for `count` blocks.

    For count independent Gaussian blocks of which each counts once, ratio² · count has a χ²
    distribution with as many degrees of freedom. Errors smaller than expected pass: error bars are
    then too wide, not too narrow.
    """
    value, lower, upper = ratio
    limit = max(band, float(np.sqrt(chi2.ppf(0.975, count) / count)))
    limits = f", {lower:.2f} to {upper:.2f}" if lower is not None and upper is not None else ""
    text = f"found error is {value:.2f} times the expected one{limits} (wanted {limit:.2f})"
    return _at_most("calibration", value, limit, text)


def _at_most(name: str, value: float, limit: float, text: str) -> Criterion:
    return Criterion(name=name, met=bool(value <= limit), value=value, limit=limit, words=text)


def outcome_of(
    criteria: Sequence[Criterion], sources: Sequence[SourceAudit], mae: float | None,
    upper: float | None, bounds: Bounds,
) -> Outcome:  # fmt: skip
    """Whether the labels condemn the committee, clear it, or are too few for either.

    Args:
        mae, upper: over the labels of all sources, and its upper limit (eV/Å).
    """
    if not all(criterion.met for criterion in criteria):
        return "failed"
    limit = worst_limit(sources, mae, upper)
    return "passed" if limit is not None and limit <= bounds.force_error else "undecided"


def worst_limit(
    sources: Sequence[SourceAudit], mae: float | None, upper: float | None
) -> float | None:
    """Upper limit of the force MAE of the source with the largest one, eV/Å; None: no limit.

    The labels of one source are too few for a limit of their own. The scatter of all blocks about
    their expected errors serves for each: upper/mae.
    """
    if mae is None or upper is None:
        return None
    return max(source.mae or 0.0 for source in sources) * upper / max(mae, statistics.SMALLEST)


def too_few(
    sources: Sequence[SourceAudit], labels: int, mae: float | None, upper: float | None,
    bounds: Bounds,
) -> str:  # fmt: skip
    """What labels that condemn nothing cannot exclude, and how many would."""
    wanted = in_milli(bounds.force_error)
    limit = worst_limit(sources, mae, upper)
    if mae is None or upper is None or limit is None:
        return "one independent frame has no upper limit: raise audit.labels"
    blocks = sum(source.blocks for source in sources)
    room = bounds.force_error / max(source.mae or 0.0 for source in sources)
    needed = statistics.blocks_within(upper / mae, blocks, room)
    times = "" if needed is None else f" to about {math.ceil(needed * labels / blocks)}"
    return (
        f"{blocks} independent frames cannot exclude a force MAE above the {wanted} meV/Å wanted: "
        f"raise audit.labels{times}"
    )


def unseen_frames(share: float | None) -> list[str]:
    """What no label can tell of frames that were not drawn, in words."""
    if share is None:
        return []
    return [f"up to {share:.0%} of all frames may be worse than the worst of these (95 %)"]


def sentence(
    mae: float | None, upper: float | None, expected: float | None, labels: int, failed: int
) -> str:
    """What stands beside κ: "audited: 3.1 meV/Å (at most 4.2) on 6 labels, expected 2.8".

    Args:
        upper: limit of a passed audit, eV/Å; None elsewhere.
    """
    lost = f"; {counted(failed, 'label')} failed and not counted" if failed else ""
    if mae is None:
        return f"audited: no label, all {failed} failed; see audit/labels/*.failed.json"
    most = f" (at most {in_milli(upper)})" if upper is not None else ""
    plural = "label" if labels == 1 else "labels"
    expectation = (
        f", expected {in_milli(expected)}" if expected is not None else ", no expected error"
    )
    return f"audited: {in_milli(mae)} meV/Å{most} on {labels} {plural}{expectation}{lost}"
