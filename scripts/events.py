"""Rare events before and after learning, in the reference, and the labels that lie within them."""

from pathlib import Path

from umklapp import config, files
from umklapp.lattice import harmonic_reference
from umklapp.learning.events import event_survey, reference_dynamics
from umklapp.learning.judgement import CommitteeRecord
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee


def survey(inputs, settings, harmonic):
    """Record and series of a material that has σᴬ."""
    paths, perfect = map(Path, inputs["reference"]), harmonic.perfect
    first, last = (Committee.load(inputs[k], Path(inputs["engine"])) for k in ("first", "last"))
    judged = [CommitteeRecord.read(Path(inputs[k])) for k in ("committee", "last_committee")]
    material = event_survey.Material(
        explorations=[Path(path) for path in inputs["explorations"]],
        labels=[Path(path) for path in inputs["labels"]],
        first=first,
        last=last,
        quiet_errors=tuple(record.test.force_mae_eV_per_A for record in judged),
        harmonic=harmonic,
        reference=reference_dynamics.read(paths, perfect, settings.reference_keys),
        seeds=reference_dynamics.of_seeds(map(Path, inputs["seeds"]), harmonic.perfect),
    )
    options = settings.model_dump(include={"enter", "leave", "shortest", "gap"})
    return event_survey.survey(material, options, settings.sigma_atoms)


def main(inputs, settings, out):
    """Write events.json and the series behind the figure."""
    harmonic = harmonic_reference.read(Path(inputs["harmonic"]))
    if harmonic is None:
        record, series = event_survey.none("no harmonic reference, so no σᴬ")
    else:
        record, series = survey(inputs, settings, harmonic)
    record.write(out["record"])
    files.write_table(out["series"], series)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.Verdict, snakemake.params.verdict),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
