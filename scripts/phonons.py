"""Bands, densities of states and thermodynamics of every committee member."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import force_constants, phonons
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to


def main(fc2, primitive, phonon, born, settings, temperatures, out):
    """Write bands.h5 and thermodynamics.json."""
    primitive, phonon = frames.read_candidates(primitive)[0], frames.read_candidates(phonon)[0]
    born = BornRecord.read(born)
    models = []
    for path in fc2:
        calculation = force_constants.prepare(primitive, phonon, settings, born)
        force_constants.read_fc2(calculation, path)
        models.append(phonons.harmonic(calculation))
    thermal = [phonons.thermodynamics(model, settings.mesh, temperatures) for model in models]
    phonons.write_bands(Path(out["bands"]), phonons.bands(models), thermal)
    speeds = phonons.describe_sound(models)
    record = phonons.describe(thermal, settings.imaginary, speeds, settings.mesh)
    print(record)
    record.write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.fc2],
        Path(snakemake.input.primitive),
        Path(snakemake.input.phonon),
        Path(snakemake.input.born),
        config.parse(config.Phonons, snakemake.params.phonons),
        snakemake.params.temperatures,
        snakemake.output,
    )
