"""One row of the summary: rounds, labels, errors, κ."""

from pathlib import Path

from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.lattice.thermodynamics_record import ThermodynamicsRecord
from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import summary, without_rounds, zero_label
from umklapp.report.history import History
from umklapp.transport.baseline_record import Baseline, CorrectedBaseline
from umklapp.transport.error_budget import KappaErrors
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.kappa_records import Conductivity
from umklapp.transport.stop_rule.record import StopRecord

KINDS = {
    "thermodynamics": ThermodynamicsRecord,
    "green_kubo": GreenKuboRecord,
    "elastic": ElasticRecord,
}


def main(material, files, out):
    """Write summary.json of one material."""
    if files["stop"]:
        baseline = Baseline.read(Path(files["baseline"])) if files["baseline"] else None
        without_rounds.summary(StopRecord.read(Path(files["stop"])), baseline).write(out)
        return
    rounds = History.read(Path(files["history"])).rounds
    thermodynamics, *asked = (
        kind.read(Path(files[name])) if files[name] else None for name, kind in KINDS.items()
    )
    assessments = [record.assessment for record in rounds]
    verdict = Verdict.read(files["verdict"])
    row = summary.row(
        material,
        assessments,
        rounds[-1].committee,
        Conductivity.read(Path(files["conductivity"])),
        KappaErrors.read(Path(files["error_budget"])) if files["error_budget"] else None,
        thermodynamics,
        verdict,
        *asked,
        audits=[record.audit for record in rounds],
        zero_label=zero_label.columns(
            *(
                kind.read(Path(files[name])) if files[name] else None
                for kind, name in (
                    (Baseline, "baseline"),
                    (CorrectedBaseline, "corrected_baseline"),
                )
            )
        ),
    )
    row.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        Path(snakemake.output[0]),
    )
