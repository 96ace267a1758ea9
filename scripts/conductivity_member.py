"""Force constants and κ of one committee member."""

from pathlib import Path

from umklapp import config, force_constants, frames, provenance
from umklapp.conductivity import bte
from umklapp.logs import log_to
from umklapp.potentials.loading import load


def main(model, primitive, phonon, phonons, conductivity, mesh, out):
    """Write κ as json and fc2 as phono3py's hdf5."""
    calculation = force_constants.prepare(
        frames.read_candidates(primitive)[0], frames.read_candidates(phonon)[0], phonons
    )
    force_constants.evaluate(calculation, load(model), phonons)
    kappa = bte.solve(calculation, conductivity, mesh, phonons.imaginary)
    residual = force_constants.acoustic_residual(calculation.fc2)
    record = {**kappa.as_dict(), "mesh": mesh, "acoustic_sum_residual_eV_per_A2": residual}
    force_constants.write_fc2(calculation, out["fc2"])
    provenance.write_json(out["record"], record)
    print(record)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        Path(snakemake.input.model),
        Path(snakemake.input.primitive),
        Path(snakemake.input.phonon),
        config.parse(config.Phonons, snakemake.params.phonons),
        config.parse(config.Conductivity, snakemake.params.conductivity),
        snakemake.params.mesh,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
