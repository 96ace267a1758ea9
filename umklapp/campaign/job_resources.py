"""Memory and wall time that a job asks for: by its rule, its cell, its mesh, and the attempt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from umklapp.campaign import sizes
from umklapp.campaign.requests import Wildcards
from umklapp.config import Campaign
from umklapp.paths import Results

Request = Callable[[Wildcards, int], int]
"""A resource function of Snakemake: of wildcards and `attempt`."""


@dataclass(frozen=True)
class JobResources:
    """What the jobs of a campaign ask for.

    The number in a rule is for `sizes.REFERENCE` atoms; it grows with (atoms of `cell`)^power, with
    every attempt and with the factor that `resources` has for the rule, up to the limit that
    `resources` has, and that the partitions of the cluster have. Scattering on a mesh of q-points
    adds its own time.

    Args:
        campaign: the configuration. expected: atoms of the cells of every material before they are
            built (`sizes.expected`). longest: minutes that the partitions allow
            (`site_file.longest_job`).
    """

    campaign: Campaign
    expected: Mapping[str, Mapping[str, int]]
    longest: int | None = None
    _built: dict[str, dict[str, int]] = field(default_factory=dict, init=False)

    def memory(
        self, rule: str, start: float, cell: str | None = None, power: float = 1.0
    ) -> Request:
        """Memory of a job of `rule` (MB)."""
        settings = self.campaign.resources
        factor = sizes.factor(settings.memory, rule)

        def ask(wildcards: Wildcards, attempt: int) -> int:
            growth = self._growth(wildcards, cell, power)
            return sizes.request(start, attempt, factor * growth, settings.max_memory)

        return ask

    def minutes(
        self,
        rule: str,
        start: float,
        cell: str | None = None,
        power: float = 1.0,
        mesh: Sequence[int] | None = None,
    ) -> Request:
        """Wall time of a job of `rule` (minutes); `mesh`: of q-points, where it computes κ."""
        settings = self.campaign.resources
        factor = sizes.factor(settings.walltime, rule)
        limits = [limit for limit in (settings.max_walltime, self.longest) if limit is not None]

        def ask(wildcards: Wildcards, attempt: int) -> int:
            wanted = start * self._growth(wildcards, cell, power)
            if mesh is not None:
                wanted += sizes.mesh_minutes(mesh, self.atoms(wildcards.material, "primitive"))
            return sizes.request(wanted, attempt, factor, min(limits, default=None))

        return ask

    def atoms(self, material: str, cell: str) -> int:
        """Atoms of a cell: as it was built, or as the table says while it is not."""
        if material not in self._built:
            structure = Results(self.campaign.results).material(material).structure
            counts = sizes.built(Path(structure))
            if counts is None:
                return self.expected[material][cell]
            self._built[material] = counts
        return self._built[material].get(cell, self.expected[material][cell])

    def _growth(self, wildcards: Wildcards, cell: str | None, power: float) -> float:
        return sizes.growth(self.atoms(wildcards.material, cell), power) if cell else 1.0
