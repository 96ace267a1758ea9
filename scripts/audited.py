"""The audit of the last round, beside the κ that it speaks of."""

import shutil

from umklapp.logs import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    shutil.copyfile(snakemake.input[0], snakemake.output[0])
