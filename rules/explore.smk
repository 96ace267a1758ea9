rule explore:
    input:
        members=expand(
            "<results>/{material}/round_{round}/member_{member}/model.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        committee="<results>/{material}/round_{round}/committee.json",
        dataset="<results>/{material}/round_{round}/dataset.extxyz",
        engine=engine_of,
        sampling="<results>/{material}/structure/sampling.extxyz",
        harmonic="<results>/{material}/structure/harmonic.h5",
        held_back=[
            "<results>/{material}/seeds/calibration.extxyz",
            "<results>/{material}/seeds/test.extxyz",
        ],
    output:
        "<results>/{material}/round_{round}/exploration.h5",
    log:
        "<logs>/explore/{material}_{round}.log",
    benchmark:
        "<benchmarks>/explore/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000, "explore", "sampling", 1),
        runtime=minutes(240, "explore", "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        exploration=plain(CAMPAIGN.exploration),
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material} round {wildcards.round}: explore with the committee"
    script:
        "../scripts/explore.py"


rule acquire:
    input:
        exploration="<results>/{material}/round_{round}/exploration.h5",
        committee="<results>/{material}/round_{round}/committee.json",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        candidates="<results>/{material}/round_{round}/candidates.extxyz",
        record="<results>/{material}/round_{round}/acquisition.json",
    log:
        "<logs>/acquire/{material}_{round}.log",
    benchmark:
        "<benchmarks>/acquire/{material}_{round}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        acquisition=plain(CAMPAIGN.acquisition),
        rounds=plain(CAMPAIGN.rounds),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material} round {wildcards.round}: choose the frames to label"
    script:
        "../scripts/acquire.py"
