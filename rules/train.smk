rule dataset:
    input:
        seeds="<results>/{material}/seeds/train.extxyz",
        dataset=previous("dataset.extxyz"),
        labels=labels_of_previous_round,
    output:
        "<results>/{material}/round_{round}/dataset.extxyz",
    log:
        "<logs>/dataset/{material}_{round}.log",
    benchmark:
        "<benchmarks>/dataset/{material}_{round}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material} round {wildcards.round}: all training labels so far"
    script:
        "../scripts/dataset.py"


rule train:
    input:
        dataset="<results>/{material}/round_{round}/dataset.extxyz",
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        model="<results>/{material}/round_{round}/member_{member}/model.ckpt",
        record="<results>/{material}/round_{round}/member_{member}/training.json",
    log:
        "<logs>/train/{material}_{round}_{member}.log",
    benchmark:
        "<benchmarks>/train/{material}_{round}_{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(240),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=plain(CAMPAIGN.potential),
        committee=plain(CAMPAIGN.committee),
        phonons=plain(CAMPAIGN.phonons),
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/round_{{round}}_member_{{member}}",
    message:
        "{wildcards.material} round {wildcards.round}: train member {wildcards.member}"
    script:
        "../scripts/train.py"


rule committee:
    input:
        members=expand(
            "<results>/{material}/round_{round}/member_{member}/model.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        training=expand(
            "<results>/{material}/round_{round}/member_{member}/training.json",
            member=MEMBERS,
            allow_missing=True,
        ),
        dataset="<results>/{material}/round_{round}/dataset.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        calibration="<results>/{material}/seeds/calibration.extxyz",
        test="<results>/{material}/seeds/test.extxyz",
    output:
        record="<results>/{material}/round_{round}/committee.json",
        test="<results>/{material}/round_{round}/test_errors.csv",
    log:
        "<logs>/committee/{material}_{round}.log",
    benchmark:
        "<benchmarks>/committee/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(60),
    params:
        uncertainty=CAMPAIGN.acquisition.uncertainty,
    message:
        "{wildcards.material} round {wildcards.round}: test errors and calibration"
    script:
        "../scripts/committee.py"
