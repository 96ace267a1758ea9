PART = f"_{SHARD.label}" if SHARD else ""


if SHARD and SHARD.part == 0:

    # The tables of all shards as they are; no material is looked at.
    rule summary:
        input:
            tables=[REQUESTS.table("summary", shard) for shard in SHARD.parts()],
            costs=[REQUESTS.table("costs", shard) for shard in SHARD.parts()],
        output:
            table=RESULTS.summary,
            costs=RESULTS.costs,
        log:
            "<logs>/summary.log",
        benchmark:
            "<benchmarks>/summary.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("summary", 1000),
            runtime=minutes("summary", 10),
        params:
            order=MATERIALS,
        message:
            "Join the tables of all shards"
        script:
            "../scripts/join.py"

else:

    rule summary:
        input:
            [RESULTS.material(material).summary for material in MATERIALS],
        output:
            table=report(
                REQUESTS.table("summary", SHARD),
                caption="../report/summary.rst",
                category="Tables",
            ),
            costs=report(
                REQUESTS.table("costs", SHARD), caption="../report/costs.rst", category="Tables"
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
            mem_mb=memory("summary", 1000),
            runtime=minutes("summary", 10),
        params:
            benchmarks=RESULTS.benchmarks,
        message:
            "The table of all materials, and what they cost"
        script:
            "../scripts/summary.py"
