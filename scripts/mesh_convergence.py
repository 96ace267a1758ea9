"""κ of the first member on denser and denser meshes, and the first that is enough."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.lattice import force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor.correction import correct
from umklapp.transport import bte, mesh

LENGTHS = (20.0, 27.0, 36.0, 48.0, 64.0, 85.0, 113.0)
"""Å; each a third more than the one before."""


def main(files, phonons, taylor, settings, out):
    """Write the table; stops at the first mesh that is enough."""
    perfect = frames.read_candidates(Path(files["phonon"]))[0]
    primitive = frames.read_candidates(Path(files["primitive"]))[0]
    born = BornRecord.read(Path(files["born"]))
    calculation = force_constants.prepare(primitive, perfect, phonons, born)
    potential = Committee.load([Path(files["model"])], Path(files["engine"]))
    if phonons.correction == "taylor":
        labels = frames.read_labels(Path(files["dataset"]))
        potential, _ = correct(potential, labels, perfect, taylor, static=True)
    force_constants.evaluate(calculation, potential, phonons)
    convergence = mesh.converge(
        lambda q_mesh: bte.solve(calculation, settings, q_mesh, phonons.imaginary),
        mesh.meshes(calculation, LENGTHS),
        settings.mesh_tolerance,
    )
    print(convergence.words)
    convergence.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.Phonons, snakemake.params.phonons),
        config.parse(config.Taylor, snakemake.params.taylor),
        config.parse(config.Conductivity, snakemake.params.conductivity),
        Path(snakemake.output[0]),
    )
