"""A campaign cut into shards: disjoint sets of materials that separate runs work on.

What Snakemake pays per verdict grows with the number of jobs in its graph, so n runs of a part each
cost about 1/n of one run of everything, in sum; and they may run side by side.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from umklapp.errors import InputError


@dataclass(frozen=True)
class Shard:
    """Part `part` (from 1) of `count`; part 0 joins the tables of all parts."""

    part: int
    count: int

    def __str__(self) -> str:
        return f"{self.part}/{self.count}"

    @property
    def label(self) -> str:
        """As used in file names: `03_of_10`."""
        return f"{self.part:02d}_of_{self.count:02d}"

    def parts(self) -> list[Shard]:
        """All shards of the same cut."""
        return [Shard(part, self.count) for part in range(1, self.count + 1)]

    def of(self, materials: Sequence[str], weights: Mapping[str, float]) -> list[str]:
        """The materials of this shard, in their order.

        Heaviest first, back and forth over the shards: their sizes differ by one at most, and no
        shard has all the large cells. The same selection always gives the same cut.

        Args:
            materials: keys of the whole selection. weights: a size per key, for example atoms.

        Raises:
            InputError: there are more shards than materials.
        """
        if self.part == 0:
            return list(materials)
        if self.count > len(materials):
            raise InputError(f"shard={self}: only {len(materials)} materials are selected")
        ranked = sorted(materials, key=lambda key: (-weights[key], key))
        chosen = set()
        for place, key in enumerate(ranked):
            turn, seat = divmod(place, self.count)
            if (seat if turn % 2 == 0 else self.count - 1 - seat) == self.part - 1:
                chosen.add(key)
        return [key for key in materials if key in chosen]


def parse(text: object) -> Shard | None:
    """The shard that `--config shard=3/10` asks for; None without one.

    Raises:
        InputError: the text is not number/count, or the number is out of range.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", str(text))
    if match is None:
        raise InputError(f"shard={text}: expected number/count, for example shard=3/10")
    part, count = map(int, match.groups())
    if not 0 <= part <= count or not 1 <= count <= 9999:
        raise InputError(f"shard={text}: numbers go from 1 to the count (at most 9999); 0 joins")
    return Shard(part, count)
