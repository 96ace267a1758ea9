"""Compile the potential's architecture once, for all members, rounds and materials."""

from pathlib import Path

from umklapp import config
from umklapp.logs import log_to
from umklapp.potentials.nequip import engine


def main(species, potential, mode, out):
    """Write the engine's folder; without a compiler it says why evaluation stays eager."""
    engine.prepare(potential, species, mode, out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        int(snakemake.wildcards.species),
        config.parse(config.Potential, snakemake.params.potential),
        snakemake.params.mode,
        Path(snakemake.output[0]),
    )
