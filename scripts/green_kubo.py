"""κ by Green–Kubo from all trajectories of a material, with every error bar."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.lattice import harmonic_reference
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor import dynamics, unfolding
from umklapp.transport import nve, supercell_modes, trajectories
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.green_kubo_series import GreenKuboSeries
from umklapp.transport.moved_potential import MovedPotential


def main(files, settings, displacement, out):
    """Write green_kubo.json and the series behind it."""
    paths = [Path(path) for path in files["trajectories"]]
    runs = [nve.read(path) for path in paths]
    cell = frames.read_candidates(Path(files["primitive"]))[0]
    committee = Committee.load(files["members"], Path(files["engine"]))
    moved, expansions = MovedPotential.not_asked(settings), []
    if "correction" in files:
        moved, expansions = (
            MovedPotential.read(files["moved"]),
            unfolding.read(Path(files["correction"])),
        )
    constants = harmonic_reference.of_potential(
        committee, cell, runs[0].sites, displacement
    ) + dynamics.harmonic(expansions, runs[0].sites)
    modes = supercell_modes.build_modes(cell, runs[0].sites, constants, settings.procedure)
    try:
        record, series = trajectories.analyse(
            runs, settings, lambda replica: nve.read_frames(paths[replica]), modes
        )
        print(f"κ = {record.kappa_W_per_mK:.3g} ± {record.error_W_per_mK or 0:.2g} W/(m K)")
    except (InputError, CalculationError) as error:  # the campaign goes on, with the reason
        record, series = GreenKuboRecord.without(str(error), settings), GreenKuboSeries()
        print(f"no κ: {error}")
    series.write(out["series"])
    said = {"moved": moved.words, "correction": moved.correction}
    record.model_copy(update=said).write(out["record"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.GreenKubo, snakemake.params.green_kubo),
        snakemake.params.displacement,
        {name: Path(path) for name, path in snakemake.output.items()},
    )
