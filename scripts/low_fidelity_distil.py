"""The frames of a cheap pool that the reference engine labels."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.learning.seeds import distillation, low_fidelity
from umklapp.logs import log_to


def main(material, index, pool, engine, settings, count, root, scratch, out):
    """Write the kept frames without labels, and the history of their choice."""
    frames_of_pool = frames.read_labels(pool)
    seed = provenance.seed_for(root, material, "distillation", index)
    if settings is None:
        chosen = low_fidelity.draw(frames_of_pool, count, provenance.generator(seed))
        record = {"history": [], "reason": "a random draw"}
    else:
        kept = distillation.distil(frames_of_pool, settings, count, seed, scratch, engine)
        chosen, record = kept.chosen, {"history": kept.history, "reason": kept.reason}
    print(f"{len(chosen)} of {len(frames_of_pool)} frames are kept: {record['reason']}")
    frames.write_frames(out["kept"], low_fidelity.to_label([frames_of_pool[n] for n in chosen]))
    counts = {"pool": len(frames_of_pool), "kept": len(chosen)}
    distillation.KeptRecord(seed=seed, frames=counts, **record).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    plain = snakemake.params.distillation
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.pool),
        Path(snakemake.input.engine) if snakemake.input.engine else None,
        None if plain is None else config.parse(config.Distillation, plain),
        snakemake.params.wanted,
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
