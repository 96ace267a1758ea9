"""κ_SRME of every member against the modes of a reference."""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from umklapp import provenance
from umklapp.logs import log_to
from umklapp.transport.srme import srme


def main(members, reference, out):
    """Write the value of every member and their mean."""
    found = [srme(path, reference) for path in members]
    values = [each.value for each in found]
    print(f"κ_SRME {np.mean(values):.3f}, members {values}")
    members = [
        {key: None if value != value else value for key, value in asdict(each).items()}
        for each in found
    ]
    record = {"mean": float(np.mean(values)), "std": float(np.std(values)), "members": members}
    provenance.write_json(out, provenance.record(reference=str(reference), **record))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.members],
        Path(snakemake.input.reference),
        Path(snakemake.output[0]),
    )
