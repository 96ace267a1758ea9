"""Figure: errors against the number of labels."""

from pathlib import Path

from umklapp.logs import log_to
from umklapp.report.figures import learning_curve
from umklapp.report.history import History


def main(material, history, out):
    """Draw the figure and write its csv."""
    table = learning_curve.table(History.read(history).rounds)
    table.to_csv(out["csv"], index=False)
    learning_curve.draw(table, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input[0], snakemake.output)
