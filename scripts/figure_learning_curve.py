"""Figure: errors and κ against the number of labels."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import learning_curve
from umklapp.report.history import History
from umklapp.transport.baseline_record import Baseline


def main(material, history, baseline, out):
    """Draw the figure and write its csv."""
    zero_labels = Baseline.read(Path(baseline)) if baseline else None
    table = learning_curve.table(History.read(history).rounds, zero_labels)
    write_table(out["csv"], table)
    learning_curve.draw(table, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    files = snakemake.input
    main(snakemake.wildcards.material, files.history, files.baseline, snakemake.output)
