"""Every κ of a material beside each other, with advice."""

import json
from pathlib import Path

import pandas as pd

from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import advice, comparison, zero_label
from umklapp.report.figures import comparison as figure
from umklapp.report.history import History
from umklapp.transport.audit.record import AuditRecord
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity, SrmeRecord


def main(material, files, out):
    """Write table, page and figure."""
    conductivity = Conductivity.read(Path(files["conductivity"]))
    ran, effective, srme = (
        kind.read(Path(files[name])) if files[name] else None
        for kind, name in (
            (GreenKuboRecord, "green_kubo"),
            (EffectiveConductivity, "effective"),
            (SrmeRecord, "srme"),
        )
    )
    baseline, corrected = (
        kind.read(Path(files[name])) if files[name] else None
        for kind, name in ((Baseline, "baseline"), (CorrectedBaseline, "corrected_baseline"))
    )
    others = (
        zero_label.rows(baseline, corrected),
        comparison.literature_rows(conductivity.literature),
    )
    others = pd.concat([rows for rows in others if len(rows)] or others[:1], ignore_index=True)
    errors = KappaErrors.read(Path(files["error_budget"])) if files["error_budget"] else None
    table = comparison.rows(conductivity, ran, effective, others, errors)
    verdict = Verdict.read(files["verdict"])
    sigmas = {
        f"dynamics of the {which} committee": verdict.overall_sigma(key)
        for key, which in (("before", "first"), ("after", "last"))
    }
    audit_record = AuditRecord.read(files["audit"]) if files["audit"] else None
    audit = comparison.audited(audit_record)
    converged = History.read(Path(files["history"])).rounds[-1].assessment.converged
    sentence = advice.advice(
        verdict.overall_sigma("after"),
        conductivity.not_computed is None,
        advice.missing_green_kubo(ran, audit_record),
        advice.doubts(converged, audit.outcome, verdict.verdict, verdict.needs),
        verdict.no_sigma("after"),
    )
    table.to_csv(out["csv"], index=False)
    correction = conductivity.non_analytical
    problems = comparison.missing(conductivity, ran, effective, errors)
    problems += zero_label.problems(baseline, corrected)
    page = comparison.page(material, table, sigmas, sentence, problems, audit, correction)
    Path(out["page"]).write_text(page)
    rows = json.loads(table.to_json(orient="records"))
    record = comparison.Comparison(
        advice=sentence, sigma=sigmas, kappa=rows, srme=srme, audit=audit, non_analytical=correction
    )
    record.write(out["record"])
    figure.draw(table, material, sentence, [out["png"], out["pdf"]])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
