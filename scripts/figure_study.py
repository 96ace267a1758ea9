"""Figures of all materials: σᴬ, share of time in events, flagged, κ against literature, cost."""

from pathlib import Path

import pandas as pd

from umklapp.files import write_table
from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import advice
from umklapp.report.figures import event_share, flagged, kappa_parity, sigma_parity, spent
from umklapp.transport.green_kubo_record import GreenKuboRecord


def main(files, out):
    """Draw every figure with its csv.

    Args:
        out: path of the png of every figure by its name; pdf and csv stand beside it.
    """
    verdicts = {Path(path).parent.name: Verdict.read(Path(path)) for path in files["verdicts"]}
    summary, published = pd.read_csv(files["summary"]), Path(files["table"])
    doubts = {
        Path(path).parent.name: advice.no_result(GreenKuboRecord.read(Path(path)))
        for path in files["green_kubo"]
    }
    tables = {
        "sigma_parity": sigma_parity.table(verdicts, published),
        "event_share": event_share.table(verdicts),
        "flagged": flagged.table(verdicts, summary),
        "kappa_parity": kappa_parity.table(summary, published, doubts),
        "spent": spent.table(summary),
    }
    for figure in (sigma_parity, event_share, flagged, kappa_parity, spent):
        name = figure.__name__.rpartition(".")[2]
        path = Path(out[name])
        write_table(path.with_suffix(".csv"), tables[name])
        figure.draw(tables[name], [path, path.with_suffix(".pdf")])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.input, snakemake.output)
