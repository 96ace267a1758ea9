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

    The number in a rule is for `sizes.REFERENCE` atoms and a mesh of `sizes.REFERENCE_MESH`; it
    grows with (atoms of `cell`)^power, with the mesh, with every attempt and with the factor that
    `resources` has for the rule, up to the limit that `resources` has.

    Args:
        campaign: the configuration. expected: atoms of the cells of every material before they are
            built (`sizes.expected`).
    """

    campaign: Campaign
    expected: Mapping[str, Mapping[str, int]]
    _built: dict[str, dict[str, int]] = field(default_factory=dict, init=False)

    def memory(
        self,
        rule: str,
        start: float,
        cell: str | None = None,
        power: float = 1.0,
        mesh: Sequence[int] | None = None,
    ) -> Request:
        """Memory of a job of `rule` (MB); with the points of `mesh`, where there is one."""
        settings = self.campaign.resources
        factor = sizes.factor(settings.memory, rule) * sizes.mesh_growth(mesh)
        return self._request(start, factor, settings.max_memory, cell, power)

    def minutes(
        self,
        rule: str,
        start: float,
        cell: str | None = None,
        power: float = 1.0,
        mesh: Sequence[int] | None = None,
    ) -> Request:
        """Wall time of a job of `rule` (minutes), as `memory`."""
        settings = self.campaign.resources
        factor = sizes.factor(settings.walltime, rule) * sizes.mesh_growth(mesh)
        return self._request(start, factor, settings.max_walltime, cell, power)

    def atoms(self, material: str, cell: str) -> int:
        """Atoms of a cell: as it was built, or as the table says while it is not."""
        if material not in self._built:
            structure = Results(self.campaign.results).material(material).structure
            counts = sizes.built(Path(structure))
            if counts is None:
                return self.expected[material][cell]
            self._built[material] = counts
        return self._built[material].get(cell, self.expected[material][cell])

    def _request(
        self, start: float, factor: float, limit: float | None, cell: str | None, power: float
    ) -> Request:
        def ask(wildcards: Wildcards, attempt: int) -> int:
            growth = sizes.growth(self.atoms(wildcards.material, cell), power) if cell else 1.0
            return sizes.request(start, attempt, factor * growth, limit)

        return ask
