"""May κ be trusted? Labels of its own ensembles against what the committee had said of them."""

from itertools import chain
from pathlib import Path

from umklapp import config
from umklapp.crystals import frames
from umklapp.logs import log_to
from umklapp.transport.audit import predictions
from umklapp.transport.audit.judging import Bounds, judge, write_lesson


def main(round_index, forecasts, labels, settings, temperatures, out, lesson):
    """Write audit.json, and where it failed the lesson for the next round beside it."""
    labelled = list(chain.from_iterable(map(frames.read_labels, labels)))
    answers, missing, factor = predictions.read(forecasts)
    bounds = Bounds.of(settings["audit"], settings["rounds"])
    record = judge(round_index, answers, labelled, missing, factor, bounds, temperatures)
    print(record.text)
    write_lesson(record, labelled, *lesson)
    record.write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    kinds = {"audit": config.Audit, "rounds": config.Rounds}
    main(
        int(snakemake.wildcards.round),
        Path(snakemake.input.predictions),
        [Path(path) for path in snakemake.input.labels],
        {name: config.parse(kind, snakemake.params[name]) for name, kind in kinds.items()},
        snakemake.params.temperatures,
        Path(snakemake.output[0]),
        [Path(path) for path in snakemake.params.lesson],
    )
