from functools import partial

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from umklapp import processes

processes.begin_run()  # before the long imports

from umklapp.campaign import run
from umklapp.errors import InputError

min_version("9.27")

SHARD = config.pop("shard", None)  # snakemake --config shard=3/10
CHOICE = config.pop("changes", None)  # snakemake --config changes=accept
if not config:

    configfile: "config/config.yaml"


config.pop("shard", None)
config.pop("changes", None)

try:
    RUN = run.prepare(config, SHARD, check=workflow.is_main_process)
except InputError as error:
    raise WorkflowError(str(error)) from None


report: "report/workflow.rst"


container: None


include: "rules/common.smk"
include: "rules/readiness.smk"
include: "rules/materials.smk"
include: "rules/baseline.smk"
include: "rules/seeds.smk"
include: "rules/low_fidelity.smk"
include: "rules/nomad.smk"
include: "rules/label.smk"
include: "rules/stop.smk"
include: "rules/train.smk"
include: "rules/finetune.smk"
include: "rules/explore.smk"
include: "rules/rounds.smk"
include: "rules/audit.smk"
include: "rules/shared.smk"
include: "rules/phonons.smk"
include: "rules/transport.smk"
include: "rules/green_kubo.smk"
include: "rules/elastic.smk"
include: "rules/report.smk"
include: "rules/overview.smk"
include: "rules/page.smk"
include: "rules/shards.smk"
include: "rules/order.smk"


# Assessments and audits are direct inputs: else a κ that exists would hide rounds that are to come.
rule all:
    default_target: True
    input:
        REQUESTS.baselines(),
        [outcome(material) for material in MATERIALS],
        tables,
        nothing,


# Needs no assessment: figures are drawn from archived small results, and no round is begun.
rule figures:
    input:
        figures_of_run,
        REQUESTS.benchmark_figures(),


# Before shards run side by side: what all of them read, and none of them may write.
rule engines:
    input:
        REQUESTS.engines(),


# The model of all materials, for potential.start of another campaign; never part of a campaign itself.
rule shared:
    input:
        expand(RESULTS.shared.model(), member=MEMBERS),


for material in MATERIALS:

    rule:
        name:
            f"only_{material}"
        input:
            end_of_rounds(material),
            kappa_and_figures(material),
