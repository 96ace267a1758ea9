"""The verdict on a material: sound, a missed event, a false event; read from a table of evidence.

The question of Kang et al. (arXiv:2409.11808). A *missed* event is real, but the potential before
learning does not know it: its dynamics shows it too rarely or leaves it too soon, or its forces are
wrong there. A *false* event is in the dynamics of a potential, and the reference contradicts it: it
has such events less often, leaves them sooner, or the state is none of that temperature and does
not last.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from umklapp import config, provenance
from umklapp.errors import InputError
from umklapp.learning.assessment import counted_rounds
from umklapp.learning.events import evidence, label_evidence, sufficiency
from umklapp.learning.events.comparisons import Comparison
from umklapp.learning.events.event_record import (
    Anharmonicity,
    EventRecord,
    LabelInEvent,
    Trial,
)
from umklapp.learning.events.evidence import Evidence, Facts, Kind
from umklapp.learning.events.observations import Observation
from umklapp.paths import Material
from umklapp.records import Part, Record

ORDER: tuple[Kind, ...] = ("missed event", "false event", "undecided")
"""What decides, first to last, once there is enough dynamics; without any of these it is sound."""


EARLIER = (
    "undecided: an earlier umklapp made this verdict by other rules, which needed less "
    "evidence for sound and for missed event; delete verdict.json and run again"
)


class Belongs(Part):
    """What a verdict was made of: the last round, digests of its assessment and models."""

    round: int
    assessment: str
    models: tuple[str, ...]

    @classmethod
    def of(cls, round_index: int, assessment: Path, models: Sequence[Path]) -> Belongs:
        """From the files of the last round."""
        return cls(
            round=round_index,
            assessment=provenance.file_digest(assessment),
            models=tuple(provenance.file_digest(path) for path in models),
        )

    def outdated(self, files: Material) -> str | None:
        """Why this is not the state of a material any more, None where it is.

        Models are read again only where one is newer than the verdict.
        """
        rounds = counted_rounds(files)
        if not rounds or rounds[-1].index != self.round:
            last = f"round {rounds[-1].index}" if rounds else "no round"
            return f"it is of round {self.round}, and {last} is the last one now"
        assessment = Path(rounds[-1].assessment)
        if not assessment.exists() or provenance.file_digest(assessment) != self.assessment:
            return f"round {self.round} was assessed again, or is being made again"
        written = Path(files.verdict).stat().st_mtime
        models = [Path(files.final_model(member)) for member in range(len(self.models))]
        present = [path for path in models if path.exists()]
        newer = any(path.stat().st_mtime > written for path in present)
        if newer and tuple(provenance.file_digest(path) for path in present) != self.models:
            return "the models have changed"
        return None


class Verdict(Record):
    """verdict.json: the word, the sentence that decides, and everything behind it.

    evidence: the table that the word is read from; comparisons: all rate tests; reference, before,
    after: observed events; labels: in events, energies eV; trials: continued events; checked: what
    was checked with what; persistence_labels: reference calculations that continuing events cost;
    sigma: σᴬ of the dynamics, by `before` and `after`; belongs: to which round and models.
    """

    VERSION: ClassVar[int] = 1

    verdict: Kind
    reason: str
    evidence: tuple[Evidence, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    reference: Observation | None = None
    before: Observation | None = None
    after: Observation | None = None
    labels: tuple[LabelInEvent, ...] = ()
    trials: tuple[Trial, ...] = ()
    checked: tuple[str, ...] = ()
    persistence_labels: int = 0
    sigma: dict[str, Anharmonicity] = Field(default_factory=dict)
    belongs: Belongs | None = None

    @classmethod
    def upgrade(cls, data: dict[str, Any], version: int) -> dict[str, Any]:
        """Version 0 had no table of evidence: its word is not taken over, so it is *undecided*.

        Its σᴬ is kept: an archive of that time can still be drawn.
        """
        return {"verdict": "undecided", "reason": EARLIER, "sigma": data.get("sigma", {})}

    @property
    def details(self) -> list[str]:
        """Short sentences that go on from `reason`: the evidence, what would decide, the events."""
        _, pieces = decide(self.evidence) if self.evidence else (self.verdict, [])
        said = [text for piece in pieces for text in (piece.sentence, *piece.details)]
        if self.verdict == "undecided":
            needs = dict.fromkeys(piece.needs for piece in pieces if piece.needs)
            said += [f"this would decide: {need}" for need in needs]
        sources = {
            "before learning": self.before, "after learning": self.after,
            "reference": self.reference,
        }  # fmt: skip
        return said[1:] + [f"{name}: {seen}" for name, seen in sources.items() if seen is not None]

    @property
    def text(self) -> str:
        """The reason and its details, a sentence per line."""
        return "\n  ".join([self.reason, *self.details])

    @property
    def needs(self) -> list[str]:
        """What would decide what is open."""
        return list(dict.fromkeys(piece.needs for piece in self.evidence if piece.needs))

    def overall_sigma(self, committee: str) -> float | None:
        """σᴬ of the dynamics of a committee, `before` or `after`; None where none is reported."""
        anharmonicity = self.sigma.get(committee)
        return anharmonicity.reported if anharmonicity else None

    def no_sigma(self, committee: str) -> str | None:
        """Why there is no σᴬ of a committee's dynamics, in words; None where there is."""
        if self.overall_sigma(committee) is not None:
            return None
        anharmonicity = self.sigma.get(committee)
        return (anharmonicity.too_small if anharmonicity else None) or "no harmonic reference"


def current(files: Material) -> tuple[Verdict | None, str | None]:
    """The verdict of a material, or None and why there is none, where one was written.

    A verdict of an earlier run says nothing while new rounds are open.
    """
    path = Path(files.verdict)
    if not path.exists():
        return None, None
    try:
        verdict = Verdict.read(path)
    except InputError as error:
        return None, str(error)
    if verdict.belongs is None:
        if verdict.reason == EARLIER:
            return None, f"verdict.json is not shown: {EARLIER}"
        return None, "verdict.json does not say which round it belongs to"
    outdated = verdict.belongs.outdated(files)
    return (None, f"verdict.json is not shown: {outdated}") if outdated else (verdict, None)


def decide(table: Sequence[Evidence]) -> tuple[Kind, list[Evidence]]:
    """The word, and the pieces of evidence that it rests on.

    A real event that the first potential does not know weighs more than one that it invents: both
    are in the reason. What is open prevents *sound* only.
    """
    pieces: dict[str, list[Evidence]] = {}
    for piece in table:
        pieces.setdefault(piece.points_to, []).append(piece)
    short = [piece for piece in table if piece.name == "length of the dynamics"]
    if short:
        return "undecided", short
    contradicted = [*pieces.get("missed event", ()), *pieces.get("false event", ())]
    for kind in ORDER:
        if kind in pieces:
            return kind, contradicted or pieces[kind]
    return "sound", [*pieces.get("sound", ()), *pieces.get("nothing", ())]


def judge(facts: Facts) -> Verdict:
    """The verdict on what dynamics, reference, labels and continued events show.

    `belongs`, `persistence_labels` and `checked` are the caller's.
    """
    record = facts.record
    if record.missing:
        return Verdict(verdict="undecided", reason=f"undecided: {record.missing}")
    tests = evidence.tests_of(facts)
    table = [
        *([short] if (short := evidence.enough_dynamics(facts)) else []),
        *evidence.reference_rates(tests),
        *evidence.errors_along_reference(facts),
        *label_evidence.labels_in_events(facts, tests),
        *sufficiency.open_questions(facts, tests),
        sufficiency.enough_reference(facts),
    ]
    kind, pieces = decide(table)
    return Verdict(
        verdict=kind,
        reason=f"{kind}: {pieces[0].sentence}",
        evidence=tuple(table),
        comparisons=tuple(tests),
        reference=record.reference,
        before=facts.before,
        after=facts.after,
        labels=record.labels,
        trials=tuple(facts.trials),
        sigma=record.sigma,
    )


def checked(
    record: EventRecord, trials: Sequence[Trial], labels: int, settings: config.Verdict
) -> tuple[str, ...]:
    """What was checked with what, a sentence each.

    Args:
        labels: reference calculations that continuing events cost.
    """
    reference = record.reference
    length = 0.0 if reference is None else reference.exposure
    said = [f"rates: against {length:.3g} ps of reference dynamics"]
    if record.reference_temperature is not None:
        said[0] += f" at {record.reference_temperature} by its virial"
    if record.reference_left_out:
        said[0] += f"; {record.reference_left_out} trajectories at other temperatures are left out"
    if record.harmonic:
        said.insert(0, f"σᴬ: against the harmonic reference from {record.harmonic}")
    if record.along is not None:
        frames = record.along.inside + record.along.outside
        said.append(f"errors along the reference: both committees on {frames} of its frames")
    said.append(
        f"labels in events: {len(record.labels)}, energies against the thermal distribution of "
        + (", ".join(sorted({energy.source for energy in record.thermal})) or "no dynamics")
    )
    runs = [trial for trial in trials if trial.source == "learned committee"]
    said.append(
        f"persistence: {len(runs)} labelled frames continued by the last committee for "
        f"{settings.persistence.duration:g} fs and relaxed, the ends checked by {labels} reference "
        "calculations"
    )
    return tuple(said)
