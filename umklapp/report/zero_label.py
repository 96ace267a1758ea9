"""What stands of a foundation model beside the κ of a campaign: rows, problems, columns."""

from __future__ import annotations

from typing import Any

import pandas as pd

from umklapp.report.comparison import COLUMNS
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.kappa_records import ROOM
from umklapp.wording import counted

NO_ERROR = "none: no label has tested it"


def rows(baseline: Baseline | None, corrected: CorrectedBaseline | None) -> pd.DataFrame:
    """κ(300 K) of the model at both lattices, and with labels: columns `COLUMNS`.

    Args:
        baseline: baseline.json, corrected: baseline/corrected.json; None where not asked for.
    """
    lines: list[list[Any]] = []
    if baseline is not None:
        name = f"{baseline.model.name} ({baseline.model.functional}), zero labels, lattice "
        for result in (baseline.given, baseline.own):
            kappa = None if result is None else result.kappa.at_room_temperature
            if result is not None and kappa is not None:
                lines.append([name + result.lattice, kappa, None, NO_ERROR, ROOM])
    if corrected is not None and corrected.learned is not None:
        kappa_and_error = corrected.at_room_temperature
        if kappa_and_error is not None:
            labels = corrected.learned.labels
            lines.append(
                [f"{corrected.model.name} with the Taylor correction of {counted(labels, 'label')}",
                 *kappa_and_error, "posterior and widths of the correction, not calibrated", ROOM]
            )  # fmt: skip
    return pd.DataFrame(lines, columns=COLUMNS)


def problems(baseline: Baseline | None, corrected: CorrectedBaseline | None) -> list[str]:
    """What of it could not be computed, and where it cannot be trusted, in words."""
    sentences = []
    if baseline is not None:
        model = baseline.model.name
        sentences += [
            f"{model}, lattice {result.lattice}: {result.kappa.not_computed}"
            for result in (baseline.given, baseline.own)
            if result is not None and result.kappa.not_computed
        ]
        if baseline.own_missing:
            sentences.append(f"{model}: {baseline.own_missing}")
    if corrected is not None and corrected.not_computed:
        sentences.append(f"{corrected.model.name} with labels: {corrected.not_computed}")
    return sentences


def columns(baseline: Baseline | None, corrected: CorrectedBaseline | None) -> dict[str, Any]:
    """Columns of the summary, by their names there."""
    if baseline is None:
        return {}
    kappa_and_error = (corrected.at_room_temperature if corrected else None) or (None, None)
    own = baseline.own
    return {
        "zero_label_model": baseline.model.words,
        "zero_label_kappa_300K_W_per_mK": baseline.given.kappa.at_room_temperature,
        "zero_label_own_lattice_kappa_300K_W_per_mK": (
            own.kappa.at_room_temperature if own else None
        ),
        "zero_label_sigma_A": baseline.given.sigma_A,
        "zero_label_stable": baseline.given.stable,
        "zero_label_corrected_kappa_300K_W_per_mK": kappa_and_error[0],
        "zero_label_corrected_error_W_per_mK": kappa_and_error[1],
    }


def beside(
    baseline: Baseline | None, corrected: CorrectedBaseline | None, published: pd.DataFrame
) -> pd.DataFrame:
    """Rows of the foundation model, then those of the literature.

    Args:
        published: of `comparison.literature_rows`.
    """
    own = rows(baseline, corrected)
    return pd.concat([own, published], ignore_index=True) if len(own) else published
