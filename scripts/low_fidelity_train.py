"""Train one committee member on cheap labels, before it sees any of the reference."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.learning.seeds import low_fidelity
from umklapp.logs import log_to
from umklapp.potentials.committee import subsample
from umklapp.potentials.nequip import training
from umklapp.potentials.training_records import Pretraining


def main(material, member, pool, potential, settings, committee, root, scratch, out):
    """Write the checkpoint and its record."""
    labelled = frames.read_labels(pool)
    stream = provenance.seed_for(root, material, "pretraining")
    chosen = low_fidelity.draw(labelled, settings.frames, provenance.generator(stream, "frames"))
    parts = subsample(len(chosen), committee.fraction, stream, member, committee.seeds)
    seed = provenance.seed_for(stream, "member", member) % 2**31
    result = training.train(
        *([labelled[chosen[n]] for n in indices] for indices in parts),
        settings.learning(potential),
        seed,
        out["model"],
        scratch,
    )
    record = Pretraining(
        member=member,
        seed=seed,
        frames={"pool": len(labelled), "train": len(parts[0]), "validation": len(parts[1])},
        model=provenance.file_digest(out["model"]),
        **dict(result),
    )
    record.write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.member),
        Path(snakemake.input.pool),
        config.parse(config.Potential, snakemake.params.potential),
        config.parse(config.Pretraining, snakemake.params.pretraining),
        config.parse(config.Committee, snakemake.params.committee),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
