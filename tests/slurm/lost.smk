# Jobs that Slurm takes from their node: `preempted` where other jobs come first, `stranded` on a node
# that fails. The first start sleeps; every start is noted.
from importlib import import_module

from snakemake.logging import logger

from umklapp.campaign.lost_jobs import LostJobs

if workflow.is_main_process and config.get("watch", True):
    plugin = import_module("snakemake_executor_plugin_slurm")
    plugin.query_job_status = LostJobs(logger.warning).watch(plugin.query_job_status)


def tries():
    return 1 if workflow.is_main_process else 0


for name, partition in (("preempted", "spot"), ("stranded", "cpu")):

    rule:
        name:
            name
        output:
            f"{name}.out",
        retries: tries()
        resources:
            mem_mb=500,
            slurm_partition=partition,
        shell:
            "echo start >> starts; [ $(wc -l < starts) -gt 1 ] || sleep 600; touch {output}"
