"""The summary of a campaign: one row per material, as csv and as the table a user reads.

`umklapp summary config/demo.yaml` prints the table of a finished campaign.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import pandas as pd

from umklapp import config
from umklapp.crystals import materials
from umklapp.errors import InputError
from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.assessment import Assessment
from umklapp.learning.events.verdict import Verdict
from umklapp.learning.judgement import CommitteeRecord
from umklapp.paths import Results
from umklapp.records import Record
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import ROOM, Conductivity
from umklapp.wording import in_milli


class MaterialSummary(Record):
    """summary.json: the row of one material; units are in the names.

    rounds: of training; labels: reference calculations behind it, failed_labels without a result;
    kappa_300K_std: spread of the members; kappa_300K_error: of the budget, which
    kappa_300K_error_is says in words; kappa_300K_moves: what learning the audit's labels would add
    to κ; non_analytical_correction: where Born charges are from, or why there are none; sigma_A: of
    the last committee's dynamics; labelled_by: programs and versions behind the training labels,
    each with its number of labels; labels_not_tested: given labels whose file is too small to
    exclude wrong units, None where there are none; literature, verdict, audit and the reasons: in
    words. None: not asked for, or not computed. zero_label_*: of a foundation model without labels,
    at the campaign's lattice or its own; `corrected` with the labels in the phonon supercell. A
    material that is done without rounds (stop.json) has no test errors, and σᴬ is that of its
    labels.
    """

    VERSION: ClassVar[int] = 1

    material: str
    rounds: int
    converged: bool
    labels: int
    failed_labels: int
    test_force_mae_eV_per_A: float | None
    test_energy_mae_eV_per_atom: float | None
    kappa_300K_W_per_mK: float | None
    kappa_300K_std_W_per_mK: float | None
    kappa_300K_error_W_per_mK: float | None = None
    kappa_300K_error_is: str | None = None
    kappa_300K_moves_W_per_mK: float | None = None
    non_analytical_correction: str | None = None
    kappa_green_kubo_W_per_mK: float | None = None
    kappa_green_kubo_error_W_per_mK: float | None = None
    sigma_A: float | None = None
    bulk_modulus_GPa: float | None = None
    bulk_modulus_std_GPa: float | None = None
    elastically_stable_members: int | None = None
    highest_frequency_THz: float | None
    zero_label_model: str | None = None
    zero_label_kappa_300K_W_per_mK: float | None = None
    zero_label_own_lattice_kappa_300K_W_per_mK: float | None = None
    zero_label_sigma_A: float | None = None
    zero_label_stable: bool | None = None
    zero_label_corrected_kappa_300K_W_per_mK: float | None = None
    zero_label_corrected_error_W_per_mK: float | None = None
    labelled_by: str | None = None
    labels_not_tested: str | None = None
    literature: str
    verdict: str
    audit: str = "not audited"
    audit_force_mae_eV_per_A: float | None = None
    audit_force_mae_upper_eV_per_A: float | None = None
    audit_error_over_expected: float | None = None
    reason: str
    verdict_reason: str
    audit_reason: str = "not audited: there is no audit of this κ"

    def columns(self) -> dict[str, Any]:
        """Columns of summary.csv."""
        return self.model_dump(exclude=set(Record.model_fields))


def row(
    material: str,
    assessments: Sequence[Assessment],
    committee: CommitteeRecord,
    conductivity: Conductivity,
    errors: KappaErrors | None,
    thermodynamics: ThermodynamicsRecord,
    verdict: Verdict,
    green_kubo: GreenKuboRecord | None = None,
    elastic: ElasticRecord | None = None,
    audits: Sequence[AuditRecord | None] = (),
    zero_label: Mapping[str, Any] = MappingProxyType({}),
) -> MaterialSummary:
    """The row of one material; `green_kubo` and `elastic` None where not asked for, `errors` in an
    archive from before there were error budgets.

    Labels count every reference calculation that was used: seeds (training, calibration, test)
    and the new labels of all rounds; those of the last audit (of earlier ones the rounds have
    learned); the displaced cells of fine-tuning; and the ends of continued events.

    Args:
        audits: of every round, None for rounds without one. zero_label: of `zero_label.columns`.
    """
    last = assessments[-1]
    seeds = committee.frames["calibration"] + committee.frames["test"]
    audit = audits[-1] if audits else None
    new_in_last = last.accepted - last.failed
    displaced = committee.finetune.labels if committee.finetune else 0
    continued = verdict.persistence_labels
    correction = conductivity.non_analytical
    boltzmann, dynamics = (errors.boltzmann, errors.green_kubo) if errors else (None, None)
    kappa, spread = conductivity.at_room_temperature or (None, None)
    return MaterialSummary(
        material=material,
        rounds=len(assessments),
        converged=last.converged,
        labels=(
            seeds
            + committee.frames["train"]
            + new_in_last
            + displaced
            + continued
            + (audit.labels if audit else 0)
        ),
        failed_labels=(
            sum(record.failed for record in assessments)
            + sum(record.failed for record in audits if record is not None)
        ),
        test_force_mae_eV_per_A=committee.test.force_mae_eV_per_A,
        test_energy_mae_eV_per_atom=committee.test.energy_mae_eV_per_atom,
        kappa_300K_W_per_mK=kappa,
        kappa_300K_std_W_per_mK=spread,
        kappa_300K_error_W_per_mK=boltzmann.total(ROOM) if boltzmann else None,
        kappa_300K_error_is=boltzmann.sentence() if boltzmann else None,
        kappa_300K_moves_W_per_mK=errors.moves_W_per_mK if errors else None,
        non_analytical_correction=correction.words if correction else None,
        kappa_green_kubo_W_per_mK=None if green_kubo is None else green_kubo.kappa_W_per_mK,
        kappa_green_kubo_error_W_per_mK=(
            dynamics.total(dynamics.temperatures_K[0]) if dynamics else None
        ),
        sigma_A=verdict.overall_sigma("after"),
        bulk_modulus_GPa=elastic.bulk_GPa if elastic else None,
        bulk_modulus_std_GPa=elastic.bulk_GPa_std if elastic else None,
        elastically_stable_members=elastic.stable_members if elastic else None,
        **zero_label,
        highest_frequency_THz=thermodynamics.highest_THz.mean,
        labelled_by=committee.labelled_by,
        labels_not_tested=committee.not_tested or None,
        literature=conductivity.literature.text,
        verdict=verdict.verdict,
        audit=audit.outcome if audit else "not audited",
        audit_force_mae_eV_per_A=audit.mae if audit else None,
        audit_force_mae_upper_eV_per_A=audit.mae_upper if audit else None,
        audit_error_over_expected=audit.ratio if audit else None,
        reason=last.reason,
        verdict_reason=verdict.reason,
        audit_reason=audit.reason if audit else "not audited: there is no audit of this κ",
    )


def joined(paths: Sequence[Path], order: Sequence[str]) -> pd.DataFrame:
    """One table of the tables of all shards, by the order of the materials.

    Rows that are in several of them (jobs that serve all materials) are taken once.

    Args:
        paths: csv files with a column `material`. order: keys; others come last.
    """
    table = pd.concat([pd.read_csv(path) for path in paths], ignore_index=True).drop_duplicates()
    place = {key: rank for rank, key in enumerate(order)}
    ranks = table["material"].map(place).fillna(len(place))
    return table.loc[ranks.sort_values(kind="stable").index].reset_index(drop=True)


def _with_error(row: pd.Series, value: str, error: str) -> str:
    if value not in row or pd.isna(row[value]):
        return "not computed"
    if error not in row or pd.isna(row[error]):
        return f"{row[value]:.3g} ± ?"
    return f"{row[value]:.3g} ± {row[error]:.2g}"


def _in_milli(value: float | None) -> str:
    return "–" if pd.isna(value) else in_milli(value)


def render(table: pd.DataFrame) -> str:
    """The table a user reads, with units in its head."""
    rows = []
    for _, summary in table.iterrows():
        kappa = _with_error(summary, "kappa_300K_W_per_mK", "kappa_300K_error_W_per_mK")
        # a summary from before there were error budgets has the spread of the members only
        if pd.isna(summary.get("kappa_300K_error_W_per_mK")):
            kappa = _with_error(summary, "kappa_300K_W_per_mK", "kappa_300K_std_W_per_mK")
            kappa += " (members only)" if "±" in kappa else ""
        dynamics = ("kappa_green_kubo_W_per_mK", "kappa_green_kubo_error_W_per_mK")
        model = {}
        if pd.notna(summary.get("zero_label_kappa_300K_W_per_mK")):
            model["κ without labels"] = f"{summary['zero_label_kappa_300K_W_per_mK']:.3g}"
        spent = {"core hours": f"{summary['core_hours']:.2f}"} if "core_hours" in summary else {}
        rows.append(
            {
                "material": summary["material"],
                "rounds": summary["rounds"],
                "labels": summary["labels"],
                "force MAE (meV/Å)": _in_milli(summary["test_force_mae_eV_per_A"]),
                "κ(300 K) (W/(m K))": kappa,
                "κ by Green–Kubo": _with_error(summary, *dynamics),
                **model,
                "literature": summary["literature"],
                "converged": "yes" if summary["converged"] else "NO",
                "events": summary["verdict"],
                "audit": summary.get("audit", "not audited"),
                **spent,
            }
        )
    return pd.DataFrame(rows).to_string(index=False)


def of_finished(results: Results, selection: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """The rows of the materials that are done, in the order of the selection, and the other keys.

    Raises:
        InputError: a summary.json cannot be read.
    """
    paths = {key: Path(results.material(key).summary) for key in selection}
    rows = [MaterialSummary.read(path).columns() for path in paths.values() if path.exists()]
    return pd.DataFrame(rows), [key for key, path in paths.items() if not path.exists()]


def _labels(summary: pd.Series) -> str:
    """What made the labels of a row of summary.csv, and which of them were not tested."""
    made = str(summary.get("labelled_by", "version not recorded"))
    untested = summary.get("labels_not_tested")
    return f"{made}; {untested}" if isinstance(untested, str) else made


def run(path: Path) -> str:
    """Text for a campaign: table, reasons, and where figures and report are.

    Of a campaign that has not ended, or in which materials have failed, the table has the
    materials that are done; the others are named under it.

    Raises:
        InputError: no material is done yet.
    """
    campaign = config.load(path)
    results = Results(campaign.results)
    file = Path(results.summary)
    missing: list[str] = []
    if file.exists():
        table = pd.read_csv(file)
    else:
        table, missing = of_finished(results, materials.keys(campaign.materials))
    if table.empty:
        raise InputError(f"{file} does not exist yet: run the campaign of {path} first")
    reasons = "\n".join(
        f"  {summary['material']}: {summary['reason']}\n    events: {summary['verdict_reason']}"
        f"\n    audit: {summary.get('audit_reason', 'not audited')}"
        f"\n    labels: {_labels(summary)}"
        f"\n    κ: {summary.get('non_analytical_correction', 'its Born charges are not recorded')}"
        for _, summary in table.iterrows()
    )
    pages = (Path(results.page), Path(results.report))
    report = next((page for page in pages if page.exists()), pages[0])
    where = f"report: {report}" if report.exists() else f"figures: {results.figures}"
    if missing:
        where += (
            f"\nwithout a result: {len(missing)} of {len(missing) + len(table)} materials "
            f"({', '.join(missing)}); `umklapp status {path}` says where each stands"
        )
    return f"{render(table)}\n\nwhy the rounds ended:\n{reasons}\n\ntable: {file}\n{where}"
