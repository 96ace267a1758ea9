"""Born charges and ε∞ of a material: from a file, by the engine, or why there are none."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import born
from umklapp.logs import log_to


def main(material, primitive, phonons, materials, reference, scratch, out):
    """Write born.json."""
    atoms = frames.read_candidates(primitive)[0]
    folder, cells = materials.structures, materials.cells
    source = born.source(phonons, reference, folder, cells, material, atoms)
    record = born.make(source, atoms, material, reference, scratch)
    print(record.words)
    record.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        Path(snakemake.input.primitive),
        config.parse(config.Phonons, snakemake.params.phonons),
        config.parse(config.Materials, snakemake.params.materials),
        config.parse(config.Reference, snakemake.params.reference),
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
