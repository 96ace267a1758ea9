# Which material is worked on first, by what a foundation model says of it; only with a section `order`.
# Nothing reads rank.json but rules/common.smk: a new order makes no result again.
if CAMPAIGN.order:

    checkpoint rank:
        input:
            baseline=ORDER.baseline,
            green_kubo=ORDER.green_kubo,
            verdict=ORDER.verdict,
        output:
            MATERIAL.rank,
        log:
            "<logs>/rank/{material}.log",
        benchmark:
            "<benchmarks>/rank/{material}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("rank", 1000),
            runtime=minutes("rank", 10),
        message:
            "{wildcards.material}: when is it worked on?"
        script:
            "../scripts/rank.py"

    # Every job of a material has its priority, else those that train for the first material would
    # wait for the labels of the last.
    if workflow.is_main_process:
        for one in workflow.rules:
            one.priority = partial(ORDER.priority, one.name)
