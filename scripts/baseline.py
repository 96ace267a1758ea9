"""κ, σᴬ and stability by a foundation model, before the first label."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport import baseline


def main(material, cells, born, request, scratch, out):
    """Write baseline.json."""
    primitive, phonon = (frames.read_candidates(path)[0] for path in cells)
    potential = FoundationPotential(request.foundation.model)
    record = baseline.compute(
        *(material, potential, (primitive, phonon), BornRecord.read(born), request, scratch),
        "of the campaign",
    )
    record.write(out)
    print(record)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        [Path(snakemake.input.primitive), Path(snakemake.input.phonon)],
        Path(snakemake.input.born),
        baseline.Request(
            config.parse(config.Foundation, snakemake.params.foundation),
            config.parse(config.Phonons, snakemake.params.phonons),
            config.parse(config.Conductivity, snakemake.params.conductivity),
        ),
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
