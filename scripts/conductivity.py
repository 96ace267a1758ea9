"""κ of the committee: mean, spread over the members, literature."""

from pathlib import Path

from umklapp import config
from umklapp.config.transport import SOLUTION
from umklapp.crystals import materials
from umklapp.logs import log_to
from umklapp.transport.committee import combine
from umklapp.transport.kappa_records import Conductivity, Literature


def main(material, members, table, settings, reference_settings, out):
    """Write conductivity.json with the settings behind the numbers."""
    published = materials.literature(materials.read_table(table).loc[material])
    record = Conductivity(
        **dict(combine(members)),
        material=material,
        settings=settings.model_dump(mode="json", include={"mesh", *SOLUTION}),
        reference=reference_settings.model_dump(mode="json"),
        literature=Literature.of(published),
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
