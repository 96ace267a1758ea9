"""Force constants and κ of one committee member."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor.correction import correct
from umklapp.transport import bte
from umklapp.transport.kappa_records import MemberConductivity


def main(model, engine, dataset, cells, born, phonons, taylor, conductivity, mesh, out):
    """Write κ as json and fc2 as phono3py's hdf5."""
    cell, perfect = (frames.read_candidates(path)[0] for path in cells)
    born = BornRecord.read(born)
    calculation = force_constants.prepare(cell, perfect, phonons, born)
    potential, correction = Committee.load([model], engine), None
    if phonons.correction == "taylor":
        labels = frames.read_labels(dataset)
        potential, correction = correct(potential, labels, perfect, taylor, static=True)
    force_constants.evaluate(calculation, potential, phonons)
    kappa = bte.solve(calculation, conductivity, mesh, phonons.imaginary, out.get("modes"))
    residual = force_constants.acoustic_residual(calculation.fc2)
    record = MemberConductivity(
        **dict(kappa.numbers()),
        mesh=mesh,
        acoustic_sum_residual_eV_per_A2=residual,
        correction=correction,
        non_analytical=born.non_analytical(),
    )
    force_constants.write_fc2(calculation, out["fc2"])
    if "params" in out:
        force_constants.write_params(calculation, out["params"])
    record.write(out["record"])
    print(record)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        Path(snakemake.input.model),
        Path(snakemake.input.engine),
        Path(snakemake.input.dataset),
        [Path(snakemake.input.primitive), Path(snakemake.input.phonon)],
        Path(snakemake.input.born),
        config.parse(config.Phonons, snakemake.params.phonons),
        config.parse(config.Taylor, snakemake.params.taylor),
        config.parse(config.Conductivity, snakemake.params.conductivity),
        snakemake.params.mesh,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
