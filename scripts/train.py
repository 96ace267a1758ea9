"""Train one committee member: on its own subsample, or over a Taylor expansion on all frames."""

from pathlib import Path

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials import device, trained_out
from umklapp.potentials.committee import member_frames, stream_of
from umklapp.potentials.loading import load
from umklapp.potentials.nequip.schedule import as_start
from umklapp.potentials.taylor import training as taylor
from umklapp.potentials.training_records import Training
from umklapp.potentials.training_residuals import left_on


def main(names, files, potential, committee, phonons, root, scratch, out):
    """Write the checkpoint and its record; `names` are material, round and member."""
    material, round_index, member = names
    dataset = frames.read_labels(Path(files["dataset"]))
    seed = provenance.seed_for(stream_of(root, material), round_index, "member", member) % 2**31
    parent, parts = None, (dataset, [])
    if potential.baseline == "taylor":
        primitive, perfect = (
            frames.read_candidates(Path(files[name]))[0] for name in ("primitive", "sampling")
        )
        born = BornRecord.read(files["born"])
        calculation = force_constants.prepare(primitive, perfect, phonons, born)
        result = taylor.train(dataset, perfect, calculation, potential, seed, out["model"], scratch)
        left = left_on(load(out["model"]), dataset)
    else:
        parts = member_frames(dataset, committee, root, material, member)
        parent = next((Path(files[name]) for name in ("parent", "start") if files[name]), None)
        potential = as_start(potential) if files["start"] else potential
        print(f"member {member}: seed {seed}, from {parent or 'scratch'}")
        where = potential, seed, out["model"], scratch
        result, left = trained_out.train(*parts, *where, parent=parent)
    Training(
        member=member,
        seed=seed,
        frames={"train": len(parts[0]), "validation": len(parts[1]), "dataset": len(dataset)},
        dataset=provenance.file_digest(files["dataset"]),
        model=provenance.file_digest(out["model"]),
        potential=potential.model_dump(mode="json"),
        parent=provenance.file_digest(parent) if parent else None,
        left=left,
        **device.facts() | dict(result),
    ).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    names = snakemake.wildcards.material, snakemake.wildcards.round, int(snakemake.wildcards.member)
    main(
        names,
        dict(snakemake.input.items()),
        config.parse(config.Potential, snakemake.params.potential),
        config.parse(config.Committee, snakemake.params.committee),
        config.parse(config.Phonons, snakemake.params.phonons),
        snakemake.params.root,
        Path(snakemake.params.scratch),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
