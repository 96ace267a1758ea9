"""Figure: elastic constants of the committee with their spread, beside the reference."""

from pathlib import Path

from umklapp.files import write_table
from umklapp.lattice.elastic.record import ElasticRecord
from umklapp.logs import log_to
from umklapp.report.figures import elastic


def main(material, record, out):
    """Draw the figure and write its csv."""
    numbers = ElasticRecord.read(Path(record))
    write_table(out["csv"], elastic.table(numbers))
    elastic.draw(numbers, material, [Path(out["png"]), Path(out["pdf"])])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(snakemake.wildcards.material, snakemake.input[0], snakemake.output)
