"""Sound, a missed event, or a false one: events before and after learning, and in the reference."""

import json
from pathlib import Path

import pandas as pd

from umklapp import config, provenance
from umklapp.crystals import frames
from umklapp.lattice import harmonic_reference
from umklapp.learning import replay, verdict
from umklapp.logs import log_to
from umklapp.potentials.committee import Committee


def reference_of(files, settings, perfect):
    """Labelled frames of reference MD in the sampling cell, in order of time."""
    paths = [settings.reference] if settings.reference else files["reference"]
    every = [frame for path in paths for frame in frames.read_frames(Path(path))]
    timed = [f for f in every if "time" in f.info and len(f) == len(perfect)]
    return frames.in_site_order(timed, perfect)


def main(files, settings, out):
    """Write verdict.json and the series behind the figure."""
    harmonic = harmonic_reference.read(Path(files["harmonic"]))
    if harmonic is None:
        none = {"verdict": "undecided", "reason": "undecided: no harmonic reference, so no σᴬ"}
        provenance.write_json(out["record"], none)
        pd.DataFrame(columns=["source", "replica", "time_ps"]).to_csv(out["series"], index=False)
        return
    options = settings.model_dump(include={"enter", "leave", "shortest"})
    paths = [Path(path) for path in files["explorations"]]
    first, last = (Committee.load(files[k], Path(files["engine"])) for k in ("first", "last"))
    quiet = replay.quiets(paths[-1])
    records = [replay.scan_exploration(path, quiet, harmonic, **options) for path in paths]
    ends = {"before": paths[0], "after": paths[-1]}
    series = [replay.exploration_series(path, name) for name, path in ends.items()]
    known = reference_of(files, settings, harmonic.perfect)
    if known:
        series.insert(0, replay.reference_series(known, harmonic, first, last))
    reference = replay.scan_reference(series[0], known, **options) if known else None
    rounds = replay.rounds_of(paths, records, [Path(path) for path in files["labels"]])
    error = json.loads(Path(files["committee"]).read_text())["test"]["force_mae_eV_per_A"]
    labels = replay.labels_in_events(rounds, harmonic, first, last, error)
    found = verdict.judge(reference, records[0], records[-1], labels, settings.dynamics)
    print(found.words)
    sigma = {name: replay.overall_sigma(path, harmonic) for name, path in ends.items()}
    provenance.write_json(out["record"], provenance.record(sigma=sigma, **found.as_dict()))
    pd.concat(series).to_csv(out["series"], index=False)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        dict(snakemake.input.items()),
        config.parse(config.Verdict, snakemake.params.verdict),
        {name: Path(path) for name, path in snakemake.output.items()},
    )
