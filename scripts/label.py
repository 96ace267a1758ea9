"""Reference labels for one chunk of candidates; what the ledger knows is not done again."""

from pathlib import Path

from umklapp import config, reference
from umklapp.crystals import frames
from umklapp.logs import log_to
from umklapp.reference.contract import Failures
from umklapp.reference.ledger import Ledger, label_frames


def main(candidates, sampling, chunk, chunks, reference_settings, timeout, ledger, scratch, out):
    """Write the labels and the failures of candidates chunk, chunk + chunks, …"""
    batch = frames.read_candidates(candidates)[chunk::chunks]
    engine = reference.create(reference_settings, frames.read_candidates(sampling)[0])
    labels, failures = label_frames(batch, engine, ledger, scratch, timeout)
    frames.write_frames(out["labels"], labels)
    Failures(failed=failures).write(out["failed"])


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        Path(snakemake.input.candidates),
        Path(snakemake.input.sampling),
        int(snakemake.wildcards.chunk),
        snakemake.params.chunks,
        config.parse(config.Reference, snakemake.params.reference),
        snakemake.params.timeout,
        Ledger(Path(snakemake.params.ledger), snakemake.params.tries.value),
        Path(snakemake.params.scratch),
        snakemake.output,
    )
