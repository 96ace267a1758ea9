"""Every κ of a material beside each other, with advice."""

import json
from pathlib import Path

from umklapp import provenance
from umklapp.learning.verdict import Verdict
from umklapp.logs import log_to
from umklapp.report import comparison
from umklapp.report.figures import comparison as figure
from umklapp.transport.kappa_records import Conductivity, EffectiveConductivity


def main(material, files, out):
    """Write table, page and figure."""
    numbers = {
        name: json.loads(Path(path).read_text()) if path else None for name, path in files.items()
    }
    conductivity, ran = Conductivity.read(Path(files["conductivity"])), numbers["green_kubo"]
    effective = EffectiveConductivity.read(Path(files["effective"])) if files["effective"] else None
    literature = comparison.literature_rows(conductivity.literature)
    table = comparison.rows(conductivity, ran, effective, literature)
    verdict = Verdict.read(files["verdict"])
    sigmas = {
        f"dynamics of the {which} committee": verdict.overall_sigma(key)
        for key, which in (("before", "first"), ("after", "last"))
    }
    told = comparison.advice(verdict.overall_sigma("after"), conductivity, ran is not None)
    table.to_csv(out["csv"], index=False)
    problems = comparison.missing(conductivity, ran, effective)
    Path(out["page"]).write_text(comparison.page(material, table, sigmas, told, problems))
    rows = json.loads(table.to_json(orient="records"))
    record = {"advice": told, "sigma": sigmas, "kappa": rows, "srme": numbers["srme"]}
    provenance.write_json(out["record"], record)
    figure.draw(table, material, told, [out["png"], out["pdf"]])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        dict(snakemake.input.items()),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
