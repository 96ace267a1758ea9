"""The potential that Green–Kubo moves: every member with its Taylor correction, or why without."""

from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee
from umklapp.potentials.taylor import dynamics, unfolding
from umklapp.transport.moved_potential import MovedPotential


def main(members, dataset, phonon, taylor, out):
    """Write the expansions of all members (none where there can be none) and potential.json."""
    perfect = frames.read_candidates(phonon)[0]
    labels = frames.read_labels(dataset)
    try:
        fitted = dynamics.fit(Committee.load(members).members, labels, perfect, taylor)
        models, record = fitted.models, MovedPotential.corrected(fitted)
    except (InputError, CalculationError) as error:  # κ has the reason before the first run
        models, record = [], MovedPotential.plain(str(error))
    unfolding.write(out["correction"], models)
    record.write(out["record"])
    print(f"Green–Kubo moves {record.words}")


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.members],
        Path(snakemake.input.dataset),
        Path(snakemake.input.phonon),
        config.parse(config.Taylor, snakemake.params.taylor),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
