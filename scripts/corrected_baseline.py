"""κ by a foundation model with what the training labels in the phonon supercell say it lacks."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials.foundation import FoundationPotential
from umklapp.transport import corrected_baseline
from umklapp.transport.baseline import Request


def main(material, cells, born, dataset, request, taylor, out):
    """Write foundation/corrected.json."""
    primitive, phonon = (frames.read_candidates(path)[0] for path in cells)
    labels, charges = frames.read_labels(dataset), BornRecord.read(born)
    potential = FoundationPotential(request.foundation.model)
    record = corrected_baseline.compute(
        *(material, potential, labels, (primitive, phonon), charges, request, taylor)
    )
    record.write(out)
    print(record)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        [Path(snakemake.input.primitive), Path(snakemake.input.phonon)],
        Path(snakemake.input.born),
        Path(snakemake.input.dataset),
        Request(
            config.parse(config.Foundation, snakemake.params.foundation),
            config.parse(config.Phonons, snakemake.params.phonons),
            config.parse(config.Conductivity, snakemake.params.conductivity),
        ),
        config.parse(config.Taylor, snakemake.params.taylor),
        Path(snakemake.output[0]),
    )
