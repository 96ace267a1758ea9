"""How much reference calculations are worth for a material, by what a foundation model says."""

from pathlib import Path

from umklapp.learning.events.verdict import Verdict
from umklapp.logs import log_to
from umklapp.transport.baseline_record import Baseline
from umklapp.transport.green_kubo_record import GreenKuboRecord
from umklapp.transport.rank import rank

OF_REHEARSAL = {"green_kubo": GreenKuboRecord, "verdict": Verdict}


def main(files, out):
    """Write rank.json; `files` are the inputs of the rule by name."""
    green_kubo, verdict = (
        kind.read(Path(files[name])) if files[name] else None for name, kind in OF_REHEARSAL.items()
    )
    record = rank(Baseline.read(Path(files["baseline"])), green_kubo, verdict)
    record.write(out)
    print(record.words)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(dict(snakemake.input.items()), Path(snakemake.output[0]))
