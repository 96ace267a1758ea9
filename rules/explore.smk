rule explore:
    input:
        members=expand(
            MEMBER.model,
            member=MEMBERS,
            allow_missing=True,
        ),
        committee=ROUND.committee,
        dataset=ROUND.dataset,
        engine=ancient(REQUESTS.engine),
        sampling=MATERIAL.sampling,
        harmonic=MATERIAL.harmonic,
        held_back=[
            SEEDS.calibration,
            SEEDS.test,
        ],
    output:
        ROUND.exploration,
    log:
        "<logs>/explore/{material}_{round}.log",
    benchmark:
        "<benchmarks>/explore/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("explore", 4000, "sampling", 1),
        runtime=minutes("explore", 240, "sampling", 1),
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
        exploration=ROUND.exploration,
        committee=ROUND.committee,
        sampling=MATERIAL.sampling,
    output:
        candidates=ROUND.candidates,
        record=ROUND.acquisition,
    log:
        "<logs>/acquire/{material}_{round}.log",
    benchmark:
        "<benchmarks>/acquire/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("acquire", 2000, "sampling", 1),
        runtime=minutes("acquire", 30),
    params:
        acquisition=PARAMETERS.choice(),
        rounds=plain(CAMPAIGN.rounds, include={"force_error", "share_above", "check_labels"}),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material} round {wildcards.round}: choose the frames to label"
    script:
        "../scripts/acquire.py"
