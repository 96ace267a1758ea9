"""assessment.json: whether a material is done, with every criterion that decided it.

Read while Snakemake builds its graph, once per round of every material: nothing heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import Field, NonNegativeInt, model_validator

from umklapp.files import read_json
from umklapp.paths import Material, Round
from umklapp.records import Part, Record
from umklapp.wording import counted


class Criterion(Part):
    """One thing that must hold: what was found, what was asked, in words.

    Units of value and limit are those of the quantity (eV/Å, W/(m K), shares, counts); None where
    it could not be measured, and then it is not met.
    """

    met: bool
    value: float | None = None
    limit: float | None = None
    words: str


class Assessment(Record):
    """The assessment of a round.

    round: from 0; converged: all criteria hold; finished: converged, or the last round of the cap;
    reason: in words, with the first criterion that is not met; explored: frames judged; accepted:
    frames sent to the engine; failed: of these without a label; checks: labels of frames drawn at
    random; stopped: replicas that ended early; training_frames: of the committee that is judged,
    which has not seen the new labels.
    """

    VERSION = 1

    round: NonNegativeInt
    converged: bool
    finished: bool
    reason: str
    criteria: dict[str, Criterion] = Field(min_length=1)
    explored: NonNegativeInt
    accepted: NonNegativeInt
    failed: NonNegativeInt
    checks: NonNegativeInt
    stopped: NonNegativeInt
    training_frames: NonNegativeInt

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.converged != all(criterion.met for criterion in self.criteria.values()):
            raise ValueError("`converged` and the criteria contradict each other")
        if self.converged and not self.finished:
            raise ValueError("it is converged, but not finished")
        return self

    @property
    def text(self) -> str:
        """The reason and every criterion, a sentence per line."""
        said = [
            f"{'met' if criterion.met else 'not met'}: {criterion.words}"
            for criterion in self.criteria.values()
        ]
        return "\n  ".join([self.reason, *said])

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Version 0 drew no labels at random, and did not always count replicas that had ended."""
        return {"stopped": 0, **data, "checks": 0}


def conclude(
    round_index: int, criteria: Mapping[str, Criterion], cap: int, counts: Mapping[str, int]
) -> Assessment:
    """What the criteria of a round (from 0) mean together.

    Args:
        cap: most rounds; reaching it is *not converged*.
        counts: the other fields of `Assessment`.
    """
    converged = all(criterion.met for criterion in criteria.values())
    finished = converged or round_index + 1 >= cap
    open_points = [criterion.words for criterion in criteria.values() if not criterion.met]
    if converged:
        reason = f"converged: all {len(criteria)} criteria are met"
    else:
        end = f"NOT converged at the cap of {counted(cap, 'round')}"
        word = end if finished else "another round"
        others = len(open_points) - 1
        more = f" ({others} more of {len(criteria)} criteria not met)" if others else ""
        reason = f"{word}: {open_points[0]}{more}"
    return Assessment(
        round=round_index,
        converged=converged,
        finished=finished,
        reason=reason,
        criteria=dict(criteria),
        **counts,
    )


def of_round(files: Round) -> Assessment | None:
    """The assessment of a round; None while there is none.

    Raises:
        InputError: the file is no whole record.
    """
    path = Path(files.assessment)
    return Assessment.read(path) if path.exists() else None


def counted_rounds(files: Material) -> list[Round]:
    """Rounds of a material that count, in order: up to the one that is finished.

    A later one counts where the audit of the finished one asks for it, or its data set is not older
    than the assessment that ended the rounds: then they were opened again. Another one was left by
    an earlier run.
    """
    rounds: list[Round] = []
    for one in files.rounds_on_disk():
        last = of_round(rounds[-1]) if rounds else None
        if last is not None and last.finished and _left_behind(one, rounds[-1]):
            break
        rounds.append(one)
    return rounds


def _left_behind(later: Round, finished: Round) -> bool:
    audit, dataset = Path(finished.audit), Path(later.dataset)
    if audit.exists() and read_json(audit).get("another_round"):
        return False
    ended = Path(finished.assessment).stat().st_mtime
    return dataset.exists() and dataset.stat().st_mtime <= ended
