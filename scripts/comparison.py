"""Every κ of a material beside each other, with advice."""

import json
from pathlib import Path

from umklapp.files import write_table, write_text
from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import advice, comparison, without_rounds, zero_label
from umklapp.report.figures import comparison as figure
from umklapp.report.history import History
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity, SrmeRecord
from umklapp.transport.stop_rule.record import StopRecord


def given(kind, path):
    """A record, None where the campaign has no such file."""
    return kind.read(Path(path)) if path else None


def by_rounds(files):
    """Table, σᴬ, advice, problems, audit and non-analytical correction of a committee's κ."""
    conductivity = Conductivity.read(Path(files["conductivity"]))
    ran = given(GreenKuboRecord, files["green_kubo"])
    effective = given(EffectiveConductivity, files["effective"])
    baseline = given(Baseline, files["baseline"])
    corrected = given(CorrectedBaseline, files["corrected_baseline"])
    published = comparison.literature_rows(conductivity.literature)
    others = zero_label.beside(baseline, corrected, published)
    errors = given(KappaErrors, files["error_budget"])
    table = comparison.rows(conductivity, ran, effective, others, errors)
    verdict = Verdict.read(files["verdict"])
    audit = comparison.audited(audit_record := given(AuditRecord, files["audit"]))
    last = History.read(Path(files["history"])).rounds[-1]
    sentence = advice.advice(
        verdict.overall_sigma("after"),
        conductivity.not_computed is None,
        advice.missing_green_kubo(ran, audit_record),
        advice.doubts(
            last.assessment.converged,
            audit.outcome,
            verdict.verdict,
            verdict.needs,
            last.committee.not_tested,
        ),
        verdict.no_sigma("after"),
    )
    problems = comparison.missing(conductivity, ran, effective, errors)
    problems += zero_label.problems(baseline, corrected)
    correction = conductivity.non_analytical
    return table, comparison.sigmas(verdict), sentence, problems, audit, correction


def by_stop_rule(files):
    """The same of a foundation model that few labels have corrected and tested."""
    stop, baseline = StopRecord.read(Path(files["stop"])), given(Baseline, files["baseline"])
    table, sigmas = without_rounds.rows(stop, baseline), without_rounds.sigmas(stop)
    said = without_rounds.advice(stop), without_rounds.problems(stop, baseline)
    correction = stop.conductivity.non_analytical if stop.conductivity else None
    return table, sigmas, *said, comparison.audited(stop.audit), correction


def main(material, files, out):
    """Write table, page and figure."""
    read = by_stop_rule if files["stop"] else by_rounds
    table, sigmas, sentence, problems, audit, correction = read(files)
    write_table(out["csv"], table)
    page = comparison.page(material, table, sigmas, sentence, problems, audit, correction)
    write_text(Path(out["page"]), page)
    rows = json.loads(table.to_json(orient="records"))
    parts = {"advice": sentence, "sigma": sigmas, "kappa": rows, "audit": audit}
    srme = given(SrmeRecord, files["srme"])
    comparison.Comparison(**parts, srme=srme, non_analytical=correction).write(out["record"])
    figure.draw(table, material, sentence, [out["png"], out["pdf"]])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
