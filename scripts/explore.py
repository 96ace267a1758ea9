"""Explore with the committee: molecular dynamics, or the frames of a pool."""

from pathlib import Path

import numpy as np

from umklapp import config, provenance
from umklapp.crystals import frame_info, frames
from umklapp.lattice import harmonic_reference
from umklapp.learning.judgement import CommitteeRecord
from umklapp.learning.sampling import descriptors, exploration
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.reference import lookup


def main(names, files, settings, reference, root, out):
    """Write exploration.h5; `names` are material and round, `files` the inputs of the rule."""
    record = CommitteeRecord.read(Path(files["committee"]))
    zero = np.array(record.reference_energy_eV_per_atom)
    models = Committee.load(files["members"], Path(files["engine"]))
    perfect = frames.read_candidates(Path(files["sampling"]))[0]
    unfinished = out.with_name(f"unfinished_{out.name}")  # it stays where the job fails
    options = [settings.model_dump(mode="json"), reference.model_dump(mode="json")]
    identity = provenance.digest([names, root, *options, provenance.file_digests(files)])
    if not exploration.was_written(unfinished, identity):
        harmonic = harmonic_reference.read(Path(files["harmonic"]))
        labelled = frames.read_labels(Path(files["dataset"]))
        if settings.kind == "pool":
            held_back = [frame for path in files["held_back"] for frame in frames.read_labels(path)]
            taken = {frame_info.identity(frame) for frame in [*labelled, *held_back]}
            table = lookup.table(reference.path, perfect).values()
            pool = [frame for frame in table if frame_info.identity(frame) not in taken]
            replicas = exploration.judge_pool(models, pool, zero, harmonic)
        else:
            generator = provenance.generator(root, *names, "explore")
            replicas = exploration.run(
                models, perfect, labelled, zero, settings, generator, harmonic
            )
        exploration.write(unfinished, replicas, identity)
    descriptors.add(unfinished, models, perfect)
    unfinished.replace(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        dict(snakemake.input.items()),
        config.parse(config.Exploration, snakemake.params.exploration),
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
