import os
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.utils import min_version

from umklapp.campaign import checks, shards, sizes
from umklapp.crystals import materials, prototypes
from umklapp.config import validate
from umklapp.errors import InputError

min_version("9.27")

# One thread per job, also for the Rust parts of phono3py: parallel work is Snakemake's business.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ.setdefault(name, "1")

SHARD = config.pop("shard", None)  # snakemake --config shard=3/10
if not config:

    configfile: "config/config.yaml"


config.pop("shard", None)

try:
    CAMPAIGN = validate(config, source="the configuration")
    SHARD = shards.parse(SHARD)
    TABLE = materials.read_table(CAMPAIGN.materials.table)
    MATERIALS = materials.selected(TABLE, CAMPAIGN.materials.select, CAMPAIGN.materials.table)
    EXPECTED = {key: sizes.expected(TABLE.loc[key], CAMPAIGN.materials) for key in MATERIALS}
    if SHARD:
        MATERIALS = SHARD.of(MATERIALS, {key: EXPECTED[key]["sampling"] for key in MATERIALS})
    if workflow.is_main_process:
        checks.check(checks.of_materials(CAMPAIGN, MATERIALS))  # a shard looks at its own
    SPECIES = materials.species(CAMPAIGN.materials.table, MATERIALS)
    RESULTS = CAMPAIGN.results
except InputError as error:
    raise WorkflowError(str(error)) from None


report: "report/workflow.rst"


container: None


wildcard_constraints:
    material="|".join(MATERIALS),
    round=r"\d{2}",
    stage=r"seeds|round_\d{2}|persistence",
    member=r"\d+",
    chunk=r"\d+",
    index=r"\d+",
    species=r"\d+",


# No wildcards in here: Snakemake 9.27 expands path variables after it has read the constraints of
# wildcards, so those would not hold for what comes out of a path variable.
pathvars:
    results=RESULTS,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


include: "rules/common.smk"
include: "rules/readiness.smk"
include: "rules/materials.smk"
include: "rules/seeds.smk"
include: "rules/low_fidelity.smk"
include: "rules/nomad.smk"
include: "rules/label.smk"
include: "rules/train.smk"
include: "rules/finetune.smk"
include: "rules/explore.smk"
include: "rules/rounds.smk"
include: "rules/shared.smk"
include: "rules/phonons.smk"
include: "rules/transport.smk"
include: "rules/green_kubo.smk"
include: "rules/elastic.smk"
include: "rules/report.smk"
include: "rules/overview.smk"
include: "rules/shards.smk"


# Verdicts are direct inputs of the targets: a rule whose output exists is not asked again for a
# checkpoint that is still to come, and a stale κ would hide pending rounds.
rule all:
    default_target: True
    input:
        [outcome(material) for material in MATERIALS],
        tables,
        nothing,


# No verdicts here: figures come from archived small results without a new round.
rule figures:
    input:
        FIGURES,


# Before shards run side by side: what all of them read, and none of them may write.
rule engines:
    input:
        ENGINES,


# Needs nothing but the literature table.
rule overview:
    input:
        f"{RESULTS}/figures/overview/kappa_sigma.png",


# The model of all materials, for potential.start of another campaign; never part of a campaign itself.
rule shared:
    input:
        expand(f"{RESULTS}/shared/member_{{member}}.ckpt", member=MEMBERS),


for material in MATERIALS:

    rule:
        name:
            f"only_{material}"
        input:
            final_verdict(material),
            f"{RESULTS}/{material}/conductivity.json",
            figures_of(material),
