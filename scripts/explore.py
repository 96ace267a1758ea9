"""Explore with the committee: molecular dynamics, or the frames of a pool."""

import json
from pathlib import Path

import numpy as np

from umklapp import config, force_sets, frames, provenance
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.sampling import exploration


def main(names, members, committee, dataset, held_back, sampling, settings, reference, root, out):
    """Write exploration.h5; `names` are material and round."""
    zero = np.array(json.loads(committee.read_text())["reference_energy_eV_per_atom"])
    models = Committee.load(members)
    known = frames.read_labels(dataset)
    if settings.kind == "pool":
        used = known + [frame for path in held_back for frame in frames.read_labels(path)]
        taken = {frame.info["frame_id"] for frame in used}
        table = force_sets.read_labelled(reference.path)
        pool = [frame for frame in table if frame.info["frame_id"] not in taken]
        replicas = exploration.judge_pool(models, pool, zero)
    else:
        perfect = frames.read_candidates(sampling)[0]
        generator = provenance.generator(root, *names, "explore")
        replicas = exploration.run(models, perfect, known, zero, settings, generator)
    exploration.write(out, replicas)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        (snakemake.wildcards.material, snakemake.wildcards.round),
        [Path(path) for path in snakemake.input.members],
        Path(snakemake.input.committee),
        Path(snakemake.input.dataset),
        [Path(path) for path in snakemake.input.held_back],
        Path(snakemake.input.sampling),
        config.parse(config.Exploration, snakemake.params.exploration),
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
