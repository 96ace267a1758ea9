"""Which material is worked on first, by what a foundation model says of it (`transport.rank`).

The order is a priority of jobs: where jobs wait for a core, those of the material that comes first
start first. A material that fails holds up no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from umklapp import config
from umklapp.campaign.requests import Files, Wildcards
from umklapp.paths import Material, Results
from umklapp.transport.rank_record import Rank

BEFORE_RANKS = frozenset({"structure", "born", "baseline", "rank"})
"""Rules that a rank may need: they come before all others."""


@dataclass(frozen=True)
class Order:
    """The order of a campaign's materials; without the section `order` they have none.

    Args:
        settings: the section. results: of the campaign. materials: keys of this run.
    """

    settings: config.Order | None
    results: Results
    materials: Sequence[str]
    _ranks: dict[str, Rank] = field(default_factory=dict, init=False)
    _priorities: dict[str, int] = field(default_factory=dict, init=False)

    def source(self, material: str) -> Material:
        """The results that a rank is made from: of the rehearsal, else of this campaign."""
        rehearsal = self.settings.rehearsal if self.settings else None
        return (Results(str(rehearsal)) if rehearsal else self.results).material(material)

    def baseline(self, wildcards: Wildcards) -> str:
        """What the foundation model says of the job's material."""
        return self.source(wildcards.material).baseline

    def green_kubo(self, wildcards: Wildcards) -> Files:
        """κ by Green–Kubo of the rehearsal, where there is one."""
        return self._of_rehearsal(self.source(wildcards.material).green_kubo)

    def verdict(self, wildcards: Wildcards) -> Files:
        """The verdict of the rehearsal, where there is one."""
        return self._of_rehearsal(self.source(wildcards.material).verdict)

    def _of_rehearsal(self, path: str) -> Files:
        """A file of the rehearsal that may be there; of this campaign it comes later."""
        rehearsal = self.settings.rehearsal if self.settings else None
        return path if rehearsal and Path(path).exists() else []

    def waits_for(self, material: str) -> bool:
        """Whether the rank of a material is still to be made, before its rounds are planned.

        A material that the rehearsal has not has no rank, and comes last.
        """
        if self.settings is None or material in self._ranks:
            return False
        return self.settings.rehearsal is None or Path(self.source(material).baseline).exists()

    def learn(self, material: str) -> None:
        """Read the rank of a material, which was made.

        Raises:
            InputError: the file is no record of this workflow.
        """
        self._ranks[material] = Rank.read(Path(self.results.material(material).rank))
        count = len(self.materials)  # Snakemake asks for priorities thousands of times
        places = {key: count - place for place, key in enumerate(self.ranked())}
        self._priorities.update({key: places[key] for key in self._ranks})

    def ranked(self) -> list[str]:
        """Materials in their order, the first first; those without a rank at the end."""
        by_change = self.settings is not None and self.settings.by == "kappa_change"
        values = {
            key: rank.by_kappa_change if by_change else rank.by_anharmonicity
            for key, rank in self._ranks.items()
        }
        without = [key for key in self.materials if key not in values]
        return [*sorted(values, key=lambda key: (-values[key], key)), *without]

    def priority(self, rule: str, wildcards: Wildcards) -> int:
        """Snakemake's priority of a job: larger is sooner; 0 without a rank.

        Jobs that no material has for itself, such as compiling, come before all others.

        Args:
            rule: its name.
        """
        material = getattr(wildcards, "material", None)
        if material is None or rule in self._first_rules():
            return len(self.materials) + 1
        return self._priorities.get(material, 0)

    def _first_rules(self) -> frozenset[str]:
        own = self.settings is not None and self.settings.rehearsal is None
        return BEFORE_RANKS if own else frozenset({"rank"})
