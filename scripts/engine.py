"""Compile the potential's architecture once, for all members, rounds and materials."""

from pathlib import Path

from umklapp import config
from umklapp.logs import log_to
from umklapp.potentials.compiled_graphs import graph_of
from umklapp.potentials.nequip import engine


def main(species, potential, mode, flux, on, out):
    """Write the folder of the compiled graph, or in it why evaluation stays eager."""
    network = graph_of(potential.backend, flux)
    engine.prepare(potential, species, mode, out, network=network, on=on)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        int(snakemake.wildcards.species),
        config.parse(config.Potential, snakemake.params.potential),
        snakemake.params.mode,
        "flux" in snakemake.rule,
        None if snakemake.rule.startswith("gpu_") else "cpu",
        Path(snakemake.output[0]),
    )
