import sys
import time
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from threading import Thread

from snakemake.logging import logger

from umklapp.campaign import (
    copies,
    drift,
    interrupted,
    job_errors,
    last_run,
    locks,
    lost_jobs,
    readiness,
    unfinished,
)
from umklapp.report.progress import Progress
from umklapp.wording import what_next

# Modes of Snakemake in which no job is run need not wait for anything.
TALKS = ("--unlock", "--lint", "--report", "--list", "--summary", "--dag", "--rulegraph", "--touch")


# The user's own triggers decide what is made again; the next run without them asks.
KEEPS = any(argument.startswith("--rerun-triggers") for argument in sys.argv)

BEGUN = time.time()
PART_NAME = SHARD.label if SHARD else None
HELD = ExitStack()  # locks, until this process ends


def settle(folder):
    """Give the files of a copied folder the order of their times again; also before a plan is made."""
    if settled := copies.settle(folder):
        logger.warning(f"{folder} was copied: {settled} files have the order of their times again")


def take_over(folder, remote):
    """Lock the results for this run; wait for jobs of a killed one, mend times and stale locks.

    Slurm is asked first: it knows the numbers of the jobs that the user may want to cancel.
    """
    HELD.enter_context(locks.take_run(folder, PART_NAME))
    readiness.wait_for_orphans(Path.cwd(), MATERIALS, logger.warning, remote=remote)
    locks.wait_for_jobs(folder, PART_NAME, logger.warning)
    if not SHARD:
        locks.drop_stale(Path(".snakemake/locks"), folder)
        settle(folder)
        copies.remember(folder)
    if not KEEPS or RUN.last is None:
        last_run.write(Path(RESULTS.last_run), CAMPAIGN)


def distrust_killed_jobs():
    """Let every job that was killed be made again, also those that join behind a checkpoint."""
    marked = unfinished.marked()
    unfinished.drop_verdicts(marked)
    dag = import_module("snakemake.dag").DAG
    dag.incomplete_files = unfinished.watch(dag.incomplete_files, marked)


def watch_lost_jobs():
    """Let the executor end what Slurm has preempted or lost with its node for good; count what waits."""
    plugin = import_module("snakemake_executor_plugin_slurm")
    jobs = lost_jobs.LostJobs(logger.warning)
    plugin.query_job_status = jobs.watch(plugin.query_job_status)
    return jobs


def check_readiness():
    """Name what is wrong with disk, results and batch system; wait for jobs of an earlier run."""
    folder = Path(RESULTS.folder)
    readiness.check_options(sys.argv, sharded=SHARD is not None)
    readiness.check_verdicts(folder, MATERIALS, unfinished.marked())
    for line in readiness.strangers(folder, RUN.table.index):
        logger.warning(line)
    for line in last_run.changes(CAMPAIGN, RUN.asked, RUN.last):
        logger.warning(f"Changed since the last run: {line}")
    touched = [] if KEEPS else drift.touched(CAMPAIGN, RUN.last)
    there = drift.made(folder, MATERIALS) if touched else ""
    for line in drift.lines(touched, there):
        logger.warning(f"Made again: {line}")
    if workflow.output_settings.dryrun and locks.is_free(folder):
        settle(folder)
        distrust_killed_jobs()
    if workflow.output_settings.dryrun or any(argument.startswith(TALKS) for argument in sys.argv):
        return
    drift.check(touched, there, CHOICE)
    asked_for = workflow.resource_settings
    remote = asked_for.nodes is not None and asked_for.cores is None  # -j alone: to a batch system
    readiness.check_folder(folder, Path.cwd())
    readiness.check_batch_system(remote)
    readiness.check_disk(folder, CAMPAIGN.resources.min_free_disk)
    take_over(folder, remote)
    distrust_killed_jobs()
    queued = watch_lost_jobs().queued if remote else None
    progress = Progress(RESULTS, BEGUN, queued)
    Thread(target=progress.tell, args=(logger.info,), daemon=True).start()
    if SHARD and not {"engines", "summary"} & set(sys.argv):
        readiness.check_engines(map(Path, REQUESTS.engines()), str(SHARD))


if workflow.is_main_process:
    try:
        check_readiness()
    except InputError as error:
        raise WorkflowError(str(error)) from None
else:
    HELD.enter_context(locks.take_job(Path(RESULTS.folder), PART_NAME))


onsuccess:
    if not SHARD:
        copies.remember(Path(RESULTS.folder))
        logger.info(what_next(Path(RESULTS.folder), workflow.configfiles))


onerror:
    for line in interrupted.end(log):
        logger.error(line)
    for line in job_errors.full_disk(Path(RESULTS.folder)):
        logger.error(line)
    for line in job_errors.of_run(Path(RESULTS.logs), BEGUN):
        logger.error(line)
    if not SHARD:
        copies.remember(Path(RESULTS.folder))
