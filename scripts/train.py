"""Train one committee member on its own subsample with its own seed."""

from dataclasses import asdict
from pathlib import Path

from umklapp import config, frames, provenance
from umklapp.logs import log_to
from umklapp.potentials.committee import subsample
from umklapp.potentials.nequip.training import train


def main(names, dataset, potential, committee, root, scratch, out):
    """Write the checkpoint and its record; `names` are material, round and member."""
    material, number, member = names
    found = frames.read_labels(dataset)
    stream = provenance.seed_for(root, material, number)
    chosen, held = subsample(len(found), committee.fraction, stream, member, committee.seeds)
    seed = provenance.seed_for(stream, "member", member) % 2**31
    print(
        f"member {member}: {len(chosen)} frames to train on, {len(held)} to validate, seed {seed}"
    )
    result = train(
        [found[i] for i in chosen], [found[i] for i in held], potential, seed, out["model"], scratch
    )
    record = provenance.record(
        member=member,
        seed=seed,
        frames={"train": len(chosen), "validation": len(held), "dataset": len(found)},
        dataset=provenance.file_digest(dataset),
        model=provenance.file_digest(out["model"]),
        potential=potential.model_dump(mode="json"),
        **asdict(result),
    )
    provenance.write_json(out["record"], record)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = snakemake.wildcards.material, snakemake.wildcards.round, int(snakemake.wildcards.member)
    main(
        names,
        Path(snakemake.input[0]),
        config.parse(config.Potential, snakemake.params.potential),
        config.parse(config.Committee, snakemake.params.committee),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
