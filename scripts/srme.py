"""κ_SRME of every member against the modes of a reference."""

from pathlib import Path

import numpy as np

from umklapp.logs import log_to
from umklapp.transport.kappa_records import SrmeNumbers, SrmeRecord
from umklapp.transport.srme import srme


def main(members, reference, out):
    """Write the value of every member and their mean."""
    results = [srme(path, reference) for path in members]
    values = [result.value for result in results]
    print(f"κ_SRME {np.mean(values):.3f}, members {values}")
    numbers = [
        SrmeNumbers(
            **{key: None if value != value else value for key, value in vars(result).items()}
        )
        for result in results
    ]
    mean, std = float(np.mean(values)), float(np.std(values, ddof=len(values) > 1))
    SrmeRecord(reference=str(reference), mean=mean, std=std, members=numbers).write(out)


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(
        [Path(path) for path in snakemake.input.members],
        Path(snakemake.input.reference),
        Path(snakemake.output[0]),
    )
