"""Labelled frames that the user already has, all or a seeded random draw."""

from pathlib import Path

from umklapp import config, force_sets, frames, provenance
from umklapp.logs import log_to


def main(material, index, path, sampling, settings, reorder, root, out):
    """Write the labelled frames, in the order of the file."""
    found = force_sets.read_labelled(path)
    if settings.count is not None:
        generator = provenance.generator(root, material, "frames", index)
        chosen = sorted(generator.permutation(len(found))[: settings.count])
        found = [found[number] for number in chosen]
    if reorder:  # the frames of a look-up table must stay those of the table
        found = frames.in_site_order(found, frames.read_candidates(sampling)[0])
    for frame in found:
        frame.info.update(material=material, origin=f"frames {index}", engine="given")
    frames.write_frames(out, found)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.frames),
        Path(snakemake.input.sampling),
        config.parse(config.FramesSeed, snakemake.params.seed),
        snakemake.params.reorder,
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
