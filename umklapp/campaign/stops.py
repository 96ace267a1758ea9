"""Which materials are done without rounds, as stop.json on disk says.

The rule is asked before the first round of a material, never after: a campaign that gets the rule
later, or another setting of it, keeps its rounds. Its labels lie in a file that no rule of the
workflow declares (`Material.stop_labels`), so that rounds read them whether the rule is on or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from umklapp import config
from umklapp.paths import Results
from umklapp.transport.stop_rule.record import StopRecord, begun


def rule(campaign: config.Campaign) -> config.StopRule | None:
    """The stop rule of a campaign; None where it has none."""
    return campaign.foundation.stop if campaign.foundation else None


@dataclass(frozen=True)
class Stops:
    """Reads stop.json, each version of a file once.

    Args:
        settings: the rule; None where every material goes through the rounds. results: the
            campaign's folder.
    """

    settings: config.StopRule | None
    results: Results
    _asked: dict[str, bool] = field(default_factory=dict, init=False)
    _read: dict[str, tuple[int, bool]] = field(default_factory=dict, init=False)
    _answered: set[str] = field(default_factory=set, init=False)

    def asks(self, material: str) -> bool:
        """Whether the rule is asked for a material in this run: it is on, and no round has begun.

        Rounds that begin in this run change nothing: they began because the rule was asked.
        """
        if material not in self._asked:
            ask = self.settings is not None and not begun(self.results.material(material))
            self._asked[material] = ask
        return self._asked[material]

    def was_read(self, material: str) -> bool:
        """Whether `done` has answered for this material before."""
        return material in self._answered

    def done(self, material: str) -> bool:
        """Whether stop.json says that a material is done.

        Raises:
            InputError: the file was not written by this workflow.
            FileNotFoundError: there is none.
        """
        answer = self._says(material)
        self._answered.add(material)
        return answer

    def ended(self, material: str) -> bool:
        """Whether a material has ended by the rule, by what lies on disk now.

        Raises:
            InputError: as `done`.
        """
        places = self.results.material(material)
        there = self.settings is not None and Path(places.stop).exists()
        return there and not begun(places) and self._says(material)

    def others(self, materials: Sequence[str]) -> list[str]:
        """Those that have not ended by the rule: what their rounds make can be asked for."""
        return [material for material in materials if not self.ended(material)]

    def labels(self, material: str) -> list[str]:
        """The labels that the rule has spent on a material, where there are any."""
        path = Path(self.results.material(material).stop_labels)
        return [str(path)] if path.exists() and path.stat().st_size else []

    def _says(self, material: str) -> bool:
        path = Path(self.results.material(material).stop)
        changed = path.stat().st_mtime_ns
        if material not in self._read or self._read[material][0] != changed:
            self._read[material] = changed, StopRecord.read(path).done
        return self._read[material][1]
