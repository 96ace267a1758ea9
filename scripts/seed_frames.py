"""Labelled frames that the user already has, all or a seeded random draw."""

from pathlib import Path

from umklapp import config, force_sets, frames, provenance
from umklapp.logs import log_to


def main(material, index, path, settings, root, out):
    """Write the labelled frames, in the order of the file."""
    found = force_sets.read_labelled(path)
    if settings.count is not None:
        generator = provenance.generator(root, material, "frames", index)
        chosen = sorted(generator.permutation(len(found))[: settings.count])
        found = [found[number] for number in chosen]
    for frame in found:
        frame.info.update(material=material, origin=f"frames {index}", engine="given")
    frames.write_frames(out, found)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        snakemake.wildcards.material,
        int(snakemake.wildcards.index),
        Path(snakemake.input.frames),
        config.parse(config.FramesSeed, snakemake.params.seed),
        snakemake.params.root,
        Path(snakemake.output[0]),
    )
