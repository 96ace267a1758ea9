"""Which audits ask for another round, as their records on disk say.

An audit that failed leaves a *lesson*: its labels and its record in files of their own, which no
rule declares. The next round reads the lesson, not the audit's own files, so that later changes of
what an audit is made of (trajectories, number of labels) never restart a round that has learned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from umklapp.campaign.readiness import read_another_round
from umklapp.errors import InputError
from umklapp.paths import Results, Round


def _time(path: str) -> int:
    """When a file was changed (ns); −1 where there is none."""
    try:
        return Path(path).stat().st_mtime_ns
    except FileNotFoundError:
        return -1


@dataclass(frozen=True)
class Audits:
    """Reads audits, each version of a file once.

    Args:
        results: the campaign's folder. members: size of the committee.
    """

    results: Results
    members: int
    _read: dict[str, tuple[int, bool]] = field(default_factory=dict, init=False)

    def _round(self, material: str, round_index: int) -> Round:
        return self.results.material(material).round(round_index)

    def was_read(self, material: str, round_index: int) -> bool:
        """Whether `another_round` has answered for this round before."""
        return self._round(material, round_index).audit in self._read

    def another_round(self, material: str, round_index: int) -> bool:
        """Whether the audit of a round has failed and left something to learn from.

        Raises:
            InputError: the file was not written by this workflow.
            FileNotFoundError: there is none.
        """
        path = self._round(material, round_index).audit
        changed = Path(path).stat().st_mtime_ns
        if path not in self._read or self._read[path][0] != changed:
            answer = read_another_round(Path(path))
            if answer is None:
                raise InputError(f"{path} is no audit of this workflow: move it away")
            self._read[path] = changed, answer
        return self._read[path][1]

    def settled(self, material: str, round_index: int) -> bool:
        """Whether the next round has learned from this round's audit: it is not made again.

        A committee that was trained after its audit has to be audited anew.
        """
        one, following = self._round(material, round_index), self._round(material, round_index + 1)
        models = [_time(one.member(member).model) for member in range(self.members)]
        learned = 0 <= _time(one.lesson) <= _time(following.dataset)
        current = max(models) <= _time(one.lesson)
        return learned and current and bool(read_another_round(Path(one.lesson_record)))

    def lessons(self, material: str, round_index: int) -> list[str]:
        """Labels of the failed audit of a round; nothing where there is none.

        Those of an earlier history, from before the round's data set was made again, are left out.
        """
        one = self._round(material, round_index)
        return [one.lesson] if _time(one.lesson) > _time(one.dataset) else []

    def of_failed(self, material: str, before: int) -> list[str]:
        """Records of failed audits of the rounds before number `before`, in order."""
        rounds = [self._round(material, round_index) for round_index in range(before)]
        return [one.lesson_record for one in rounds if self.lessons(material, one.index)]

    def final(self, material: str) -> str | list[str]:
        """The audit of κ; nothing for an archive without rounds from before there were audits."""
        places = self.results.material(material)
        return [] if places.is_archive and not Path(places.audit).exists() else places.audit
