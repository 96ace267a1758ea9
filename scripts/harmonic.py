"""Harmonic reference of the sampling supercell, from the engine's own labels."""

from itertools import chain
from pathlib import Path

from umklapp.crystals import frames
from umklapp.lattice import harmonic_reference
from umklapp.logs import log_to


def main(displaced, seeds, primitive, sampling, given, out):
    """Write the reference, or why there is none."""
    perfect = frames.read_candidates(sampling)[0]
    cells = list(chain.from_iterable(map(frames.read_labels, displaced)))
    labels = frames.read_labels(seeds)
    primitive = frames.read_candidates(primitive)[0]
    reference = harmonic_reference.build(primitive, perfect, cells, labels, given)
    if reference is None:
        reason = (
            "no harmonic reference: no finite displacements and too few small-displacement labels"
        )
        print(f"{reason} in the sampling supercell: σᴬ is not available")
        harmonic_reference.write_missing(out, reason)
    else:
        print(reference.source)
        harmonic_reference.check_quiet(reference, [*cells, *labels])
        reference.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.displaced],
        Path(snakemake.input.seeds),
        Path(snakemake.input.primitive),
        Path(snakemake.input.sampling),
        [Path(path) for path in snakemake.input.given],
        Path(snakemake.output[0]),
    )
