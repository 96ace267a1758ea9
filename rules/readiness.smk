import sys
from pathlib import Path

from snakemake.logging import logger

from umklapp.campaign import readiness

# Modes of Snakemake in which no job is run need not wait for anything.
TALKS = ("--unlock", "--lint", "--report", "--list", "--summary", "--dag", "--rulegraph", "--touch")


def check_readiness():
    """Name what is wrong with disk, results and batch system; wait for jobs of an earlier run."""
    folder = Path(RESULTS.folder)
    readiness.check_options(sys.argv, sharded=SHARD is not None)
    readiness.check_verdicts(folder, MATERIALS)
    for line in readiness.strangers(folder, RUN.table.index):
        logger.warning(line)
    if workflow.output_settings.dryrun or any(each.startswith(TALKS) for each in sys.argv):
        return
    asked_for = workflow.resource_settings
    remote = asked_for.nodes is not None and asked_for.cores is None  # -j alone: to a batch system
    readiness.check_folder(folder, Path.cwd())
    readiness.check_batch_system(remote)
    readiness.check_disk(folder, CAMPAIGN.resources.min_free_disk)
    if SHARD and not {"engines", "summary"} & set(sys.argv):
        readiness.check_engines(map(Path, REQUESTS.engines()), str(SHARD))
    readiness.wait_for_orphans(Path.cwd(), MATERIALS, logger.warning, remote=remote)


if workflow.is_main_process:
    try:
        check_readiness()
    except InputError as error:
        raise WorkflowError(str(error)) from None
