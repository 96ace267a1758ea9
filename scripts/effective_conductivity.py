"""κ by the Boltzmann equation with force constants fitted to the committee's dynamics."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import InputError
from umklapp.lattice import effective_force_constants, force_constants
from umklapp.lattice.born_record import BornRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor import dynamics, unfolding
from umklapp.transport import bte, nve, trajectories
from umklapp.transport.kappa_records import EffectiveConductivity


def main(files, members, phonons, settings, count, out):
    """Write effective.json; what cannot be fitted is said there."""
    paths = [Path(path) for path in files["trajectories"]]
    committee = Committee.load(members, Path(files["engine"]))
    if "correction" in files:
        expansions = unfolding.read(Path(files["correction"]))
        committee = dynamics.moved(committee, expansions, nve.read(paths[0]).sites)
    labelled, warmth = trajectories.labelled_frames(paths, committee, count)
    # T of the run is not one that the campaign must ask for
    settings = settings.model_copy(update={"temperatures": [warmth], "reference": None})
    primitive = frames.read_candidates(Path(files["primitive"]))[0]
    born = BornRecord.read(files["born"])
    record = {"temperature_K": warmth, "kappa_W_per_mK": None, "not_computed": None}
    record["non_analytical"] = born.non_analytical()
    try:
        calculation = force_constants.prepare(primitive, labelled[0], phonons, born)
        fit = effective_force_constants.fit(calculation, labelled)
        kappa = bte.solve(calculation, settings, settings.mesh, phonons.imaginary, out["modes"])
        scalar = kappa.scalar()
        record |= {**dict(kappa.numbers()), "fit": asdict(fit)}
        record["kappa_W_per_mK"] = None if scalar is None else float(np.ravel(scalar)[0])
    except InputError as error:
        record["not_computed"] = str(error)
        out["modes"].touch()
    print(record["kappa_W_per_mK"], record["not_computed"])
    EffectiveConductivity(**record, mesh=settings.mesh).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        [Path(path) for path in snakemake.input.members],
        config.parse(config.Phonons, snakemake.params.phonons),
        config.parse(config.Conductivity, snakemake.params.conductivity),
        snakemake.params.effective,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
