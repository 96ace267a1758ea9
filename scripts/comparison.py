"""Every κ of a material beside each other, with advice."""

import json
from pathlib import Path

from umklapp.files import write_table, write_text
from umklapp.logs import log_to
from umklapp.report import compared, comparison
from umklapp.report.figures import comparison as figure
from umklapp.transport.kappa_records import SrmeRecord


def main(material, files, out):
    """Write table, page and figure."""
    read = compared.by_stop_rule if files["stop"] else compared.by_rounds
    parts = read(files)
    write_table(out["csv"], parts.table)
    page = comparison.page(
        *(material, parts.table, parts.sigmas, parts.advice, parts.problems),
        *(parts.audit, parts.non_analytical),
    )
    write_text(Path(out["page"]), page)
    comparison.Comparison(
        advice=parts.advice,
        sigma=parts.sigmas,
        kappa=json.loads(parts.table.to_json(orient="records")),
        audit=parts.audit,
        srme=compared.given(SrmeRecord, files["srme"]),
        non_analytical=parts.non_analytical,
    ).write(out["record"])
    figure.draw(parts.table, material, parts.advice, [out["png"], out["pdf"]])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
