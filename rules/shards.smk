# Included last: all rules have said by now what they ask for.
for key in ("walltime", "memory"):
    UNKNOWN = sorted(set(getattr(CAMPAIGN.resources, key)) - ASKING)
    if UNKNOWN:
        raise WorkflowError(f"resources.{key}: {UNKNOWN} have no factor; known: {sorted(ASKING)}")


PART = f"_{SHARD.label}" if SHARD else ""


if SHARD and SHARD.number == 0:

    # The tables of all shards as they are; no material is looked at.
    rule summary:
        input:
            tables=[summary_table(shard) for shard in SHARD.parts()],
            costs=[summary_table(shard, "costs") for shard in SHARD.parts()],
        output:
            table="<results>/summary.csv",
            costs="<results>/costs.csv",
        log:
            "<logs>/summary.log",
        benchmark:
            "<benchmarks>/summary.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            order=MATERIALS,
        message:
            "Join the tables of all shards"
        script:
            "../scripts/join.py"

else:

    rule summary:
        input:
            [summary_of(material) for material in MATERIALS],
        output:
            table=report(summary_table(SHARD), caption="../report/summary.rst", category="Tables"),
            costs=report(
                summary_table(SHARD, "costs"), caption="../report/costs.rst", category="Tables"
            ),
        log:
            f"<logs>/summary{PART}.log",
        benchmark:
            f"<benchmarks>/summary{PART}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory(1000),
            runtime=minutes(10),
        params:
            benchmarks=f"{RESULTS}/benchmarks",
        message:
            "The table of all materials, and what they cost"
        script:
            "../scripts/summary.py"
