"""Which rounds are done, as their assessments on disk say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from umklapp.campaign.readiness import read_finished
from umklapp.errors import InputError
from umklapp.paths import Results


@dataclass(frozen=True)
class Assessments:
    """Reads assessments, each version of a file once: Snakemake asks thousands of times.

    Args:
        results: the campaign's folder. max_rounds: the cap on the rounds of a material.
    """

    results: Results
    max_rounds: int
    _read: dict[str, tuple[int, bool]] = field(default_factory=dict, init=False)

    def path(self, material: str, round_index: int) -> str:
        """The assessment of a round."""
        return self.results.material(material).round(round_index).assessment

    def was_read(self, material: str, round_index: int) -> bool:
        """Whether `finished` has answered for this round before."""
        return self.path(material, round_index) in self._read

    def finished(self, material: str, round_index: int) -> bool:
        """Whether the assessment of a round says that the material is done.

        Raises:
            InputError: the file was not written by this workflow.
            FileNotFoundError: there is none.
        """
        path = self.path(material, round_index)
        changed = Path(path).stat().st_mtime_ns
        if path not in self._read or self._read[path][0] != changed:
            finished = read_finished(Path(path))
            if finished is None:
                raise InputError(f"{path} is no assessment of this workflow: move it away")
            self._read[path] = changed, finished
        return self._read[path][1]

    def on_disk(
        self,
        material: str,
        goes_on: Callable[[str, int], bool] = lambda material, round_index: False,
    ) -> list[str]:
        """Assessments of earlier runs, up to the first that ends the rounds.

        Args:
            goes_on: whether a finished round (material, round index) was followed by another one.
        """
        paths = []
        for round_index in range(self.max_rounds):
            path = self.path(material, round_index)
            if not Path(path).exists():
                break
            paths.append(path)
            if read_finished(Path(path)) and not goes_on(material, round_index):
                break
        return paths
