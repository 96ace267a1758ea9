"""Figure: members of the committees before and after fine-tuning on curvature."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.logs import log_to
from umklapp.report.figures import finetune
from umklapp.report.history import History


def main(material, history, out):
    """Draw the figure and write its csv."""
    table = finetune.table(History.read(history).rounds)
    write_table(out["csv"], table)
    finetune.draw(table, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, Path(snakemake.input[0]), snakemake.output)
