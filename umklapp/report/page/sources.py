"""What a page is made of: the records of one material, as far as they exist and can be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from ase import Atoms
from ase.io import read as read_atoms

from umklapp.crystals.structure_record import StructureRecord
from umklapp.errors import InputError
from umklapp.files import read_json
from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.events.verdict import Verdict
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling.acquisition import AcquisitionRecord
from umklapp.paths import COMMON_FOLDERS, Material, Results, existing
from umklapp.records import Record
from umklapp.report import costs, status, unfinished_jobs
from umklapp.report.history import History
from umklapp.report.history import Round as RoundRecord
from umklapp.report.summary import MaterialSummary
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity
from umklapp.transport.stop_rule.record import StopRecord, stopped

Kind = TypeVar("Kind", bound=Record)


@dataclass(frozen=True)
class MaterialSources:
    """Records of one material; None where a file does not exist (yet) or cannot be read.

    standing: of `status.of_material`, empty for an archive. rounds: finished with an assessment;
    committees: of every round that has one; acquisitions: by the number of the round. stop: where
    the material is done without rounds; κ and its errors are then of that record. costs: rows
    of `costs.table`. unreadable: a sentence for every file that is no record of this workflow.
    """

    key: str
    files: Material
    standing: dict[str, Any]
    rounds: list[RoundRecord] = field(default_factory=list)
    committees: list[CommitteeRecord] = field(default_factory=list)
    acquisitions: dict[int, AcquisitionRecord] = field(default_factory=dict)
    summary: MaterialSummary | None = None
    baseline: Baseline | None = None
    corrected: CorrectedBaseline | None = None
    stop: StopRecord | None = None
    conductivity: Conductivity | None = None
    errors: KappaErrors | None = None
    green_kubo: GreenKuboRecord | None = None
    effective: EffectiveConductivity | None = None
    thermodynamics: ThermodynamicsRecord | None = None
    elastic: ElasticRecord | None = None
    verdict: Verdict | None = None
    structure: StructureRecord | None = None
    primitive: Atoms | None = None
    costs: pd.DataFrame = field(default_factory=pd.DataFrame)
    unreadable: list[str] = field(default_factory=list)

    @property
    def audit(self) -> AuditRecord | None:
        """Of the last round that was assessed; of the stop rule where that has ended it."""
        if self.stop is not None:
            return self.stop.audit
        return self.rounds[-1].audit if self.rounds else None

    @property
    def finished(self) -> bool:
        """Whether its κ is of its last committee, and nothing is left to do."""
        return not self.standing or self.standing.get("stage") == "finished"


@dataclass(frozen=True)
class CampaignSources:
    """A results folder: its materials, and the configuration of the last run where it is kept."""

    name: str
    folder: Path
    settings: dict[str, Any]
    materials: list[MaterialSources]


def of_campaign(folder: Path, now: float) -> CampaignSources:
    """Everything that a results folder says of its materials.

    Args:
        folder: results of a campaign, or its unpacked archive. now: seconds, as of `time.time`.

    Raises:
        InputError: there is no such folder, or no material in it.
    """
    results = Results(str(folder))
    settings = _settings(Path(results.last_run))
    keys = _keys(folder, settings)
    if not keys:
        raise InputError(
            f"{folder}: no material in it; give the results folder of a campaign "
            "(`results:` of its configuration)"
        )
    spent = _costs(results, keys)
    jobs = unfinished_jobs.unfinished(folder, now)
    return CampaignSources(
        name=str(settings.get("name") or folder.name),
        folder=folder,
        settings=settings,
        materials=[
            of_material(results.material(key), settings, jobs, spent[spent["material"] == key])
            for key in keys
        ],
    )


def _settings(path: Path) -> dict[str, Any]:
    """The configuration of the last run from campaign.json, empty without."""
    if not path.exists():
        return {}
    campaign = read_json(path).get("campaign", {})
    return campaign if isinstance(campaign, dict) else {}


def _keys(folder: Path, settings: dict[str, Any]) -> list[str]:
    """Materials that the configuration names one by one, then others that have a folder."""
    if not folder.is_dir():
        raise InputError(f"{folder} does not exist: give the results folder of a campaign")
    named = settings.get("materials", {}).get("select", [])
    chosen = [key for key in named if isinstance(named, list) and _is_key(key)]
    marks = ("structure", "history.json", "summary.json", "seeds")
    present = sorted(
        path.name
        for path in folder.iterdir()
        if path.name not in COMMON_FOLDERS and any((path / mark).exists() for mark in marks)
    )
    return list(dict.fromkeys([*chosen, *present]))


def _is_key(text: object) -> bool:
    """Whether a word of `materials.select` is the key of one material, not a group."""
    return isinstance(text, str) and text.rpartition("-")[2].isdigit()


def _costs(results: Results, keys: list[str]) -> pd.DataFrame:
    """Hours by material and stage: of the benchmark files, else of costs.csv."""
    jobs = costs.read(Path(results.benchmarks), keys)
    if len(jobs) or not Path(results.costs).exists():
        return costs.table(jobs)
    return pd.read_csv(results.costs)


def of_material(
    files: Material, settings: dict[str, Any], jobs: list[dict[str, Any]], spent: pd.DataFrame
) -> MaterialSources:
    """Everything that one folder says; a file that cannot be read becomes a sentence.

    Args:
        settings: of the last run. jobs: of `unfinished_jobs.unfinished`.
        spent: rows of `costs.table`.
    """
    unreadable: list[str] = []

    def attempt(reader: Callable[[], Any]) -> Any:
        try:
            return reader()
        except InputError as error:
            unreadable.append(str(error))
            return None

    def record(kind: type[Kind], path: str) -> Kind | None:
        return attempt(lambda: kind.read(Path(path))) if Path(path).exists() else None

    own = [job for job in jobs if job["file"].split("_")[0].removesuffix(".log") == files.key]
    archived = files.is_archive
    cap = settings.get("rounds", {}).get("max") or max(1, len(files.rounds_on_disk()))
    standing = {} if archived else attempt(lambda: status.of_material(Path(files.folder), own, cap))
    rounds = attempt(lambda: _rounds(files)) or []
    stop = attempt(lambda: stopped(files))
    return MaterialSources(
        key=files.key,
        files=files,
        standing=standing if standing is not None else {"stage": "not readable"},
        rounds=rounds,
        committees=attempt(lambda: _committees(files, rounds)) or [],
        acquisitions=attempt(lambda: _acquisitions(files)) or {},
        summary=record(MaterialSummary, files.summary),
        baseline=record(Baseline, files.baseline),
        corrected=record(CorrectedBaseline, files.corrected_baseline),
        stop=stop,
        conductivity=stop.conductivity if stop else record(Conductivity, files.conductivity),
        errors=stop.errors if stop else record(KappaErrors, files.error_budget),
        green_kubo=record(GreenKuboRecord, files.green_kubo),
        effective=record(EffectiveConductivity, files.effective),
        thermodynamics=record(ThermodynamicsRecord, files.thermodynamics),
        elastic=record(ElasticRecord, files.elastic),
        verdict=record(Verdict, files.verdict),
        structure=record(StructureRecord, files.structure),
        primitive=read_atoms(files.primitive) if Path(files.primitive).exists() else None,
        costs=spent,
        unreadable=list(dict.fromkeys(unreadable)),
    )


def _rounds(files: Material) -> list[RoundRecord]:
    """Assessed rounds from their folders; of an archive from history.json."""
    if files.is_archive:
        return History.read(Path(files.history)).rounds
    return [
        RoundRecord(
            committee=read_json(Path(one.committee)),
            assessment=read_json(Path(one.assessment)),
            audit=read_json(Path(one.audit)) if Path(one.audit).exists() else None,
        )
        for one in files.rounds_on_disk()
        if Path(one.assessment).exists() and Path(one.committee).exists()
    ]


def _committees(files: Material, rounds: list[RoundRecord]) -> list[CommitteeRecord]:
    if files.is_archive:
        return [one.committee for one in rounds]
    return [CommitteeRecord.read(Path(p)) for p in existing(files.round("*").committee)]


def _acquisitions(files: Material) -> dict[int, AcquisitionRecord]:
    return {
        one.index: AcquisitionRecord.read(Path(one.acquisition))
        for one in files.rounds_on_disk()
        if Path(one.acquisition).exists()
    }
