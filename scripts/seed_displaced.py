"""Rattled and thermally displaced frames of all seeds, and those kept of cheap surfaces."""

from pathlib import Path

from umklapp import config, provenance, reference
from umklapp.crystals import frames, phonopy_cells
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import displaced
from umklapp.logs import log_to
from umklapp.reference.ledger import Ledger


def main(material, cells, cheap, seeds, reference_settings, root, ledger, options, out):
    """Write unlabelled frames; `options` are scratch folder and timeout of a label (s)."""
    cells = {name: frames.read_candidates(Path(path))[0] for name, path in cells.items()}
    primitive = cells["primitive"]
    made = []
    for index, plain in seeds:
        seed = config.parse(config.Seed, plain)
        root_seed = provenance.seed_for(root, material, seed.kind, index)
        origin = Origin(kind=seed.kind, seed=index)
        own = seed.supercell or "sampling"
        cell = cells[own] if isinstance(own, str) else phonopy_cells.supercell(primitive, own)
        if seed.kind == "rattled":
            generator = provenance.generator(root_seed)
            made += displaced.rattled(cell, seed, generator, origin)
        else:
            matrix = phonopy_cells.supercell_matrix(primitive, cell).tolist()
            engine = reference.create(reference_settings)
            made += displaced.harmonic(
                primitive, matrix, seed, engine, ledger, *options, root_seed, origin
            )
    for path in cheap:
        made += frames.read_candidates(path)
    frames.write_frames(out, frames.unique(made))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        {name: path for name, path in snakemake.input.items() if name != "cheap"},
        [Path(path) for path in snakemake.input.cheap],
        snakemake.params.seeds,
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.root,
        Ledger(Path(snakemake.params.ledger), snakemake.params.tries.value),
        (Path(snakemake.params.scratch), snakemake.params.timeout),
        Path(snakemake.output[0]),
    )
