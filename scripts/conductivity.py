"""κ of the committee: mean, spread over the members, literature."""

from pathlib import Path

from umklapp import config
from umklapp.config.transport import SOLUTION
from umklapp.crystals import materials
from umklapp.logs import log_to
from umklapp.transport.committee import combine
from umklapp.transport.kappa_records import Conductivity


def main(material, members, table, settings, reference_settings, out):
    """Write conductivity.json with the settings behind the numbers."""
    literature = materials.literature(materials.read_table(table).loc[material])
    record = Conductivity(
        **dict(combine(members)),
        material=material,
        settings=settings.model_dump(mode="json", include={"mesh", *SOLUTION}),
        reference=reference_settings.model_dump(mode="json"),
        literature={
            "experiment_300K": literature.experiment,
            "ab_initio_green_kubo_300K": literature.green_kubo,
            "text": literature.describe(),
        },
    )
    record.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        [Path(path) for path in snakemake.input.members],
        Path(snakemake.input.table),
        config.parse(config.Conductivity, snakemake.params.conductivity),
        config.parse(config.Reference, snakemake.params.reference),
        Path(snakemake.output[0]),
    )
