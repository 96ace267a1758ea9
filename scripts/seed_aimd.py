"""A short ab initio MD run; every kept step is a label."""

from pathlib import Path

from umklapp import config, provenance, reference
from umklapp.crystals import frames
from umklapp.crystals.frame_info import Origin
from umklapp.learning.seeds import aimd
from umklapp.logs import log_to
from umklapp.reference.ledger import Ledger


def main(material, index, sampling, settings, reference_settings, root, ledger, scratch, out):
    """Write the labelled frames of the run in time order."""
    supercell = frames.read_candidates(sampling)[0]
    engine = reference.create(reference_settings)
    seed = provenance.seed_for(root, material, "aimd", index)
    origin = Origin(kind="aimd", seed=index)
    labelled = aimd.run(supercell, engine, settings, seed, Ledger(ledger), scratch, origin)
    frames.write_frames(out, labelled)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.sampling),
        config.parse(config.AimdSeed, snakemake.params.seed),
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.root,
        Path(snakemake.params.ledger),
        Path(snakemake.params.scratch),
        Path(snakemake.output[0]),
    )
