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
        parent=parent_of,
        start=start_of,
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        model=f"<results>/{{material}}/round_{{round}}/member_{{member}}/{TRAINED}.ckpt",
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
        mem_mb=memory(3000, "train", "sampling", 1),
        runtime=minutes(240, "train", "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=potential_of,
        committee=plain(CAMPAIGN.committee),
        phonons=plain(CAMPAIGN.phonons),
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/round_{{round}}_member_{{member}}",
    message:
        "{wildcards.material} round {wildcards.round}: train member {wildcards.member}"
    script:
        "../scripts/train.py"


# One compiled graph serves every member, round and material with as many species.
rule engine:
    output:
        directory("<results>/engines/{species}_species"),
    log:
        "<logs>/engine/{species}.log",
    benchmark:
        "<benchmarks>/engine/{species}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(30),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=CAMPAIGN.potential.model_dump(
            mode="json", exclude={"training", "taylor", "start"}
        ),
        mode=CAMPAIGN.committee.engine,
    message:
        "Compile the potential's architecture for {wildcards.species} species"
    script:
        "../scripts/engine.py"


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
        finetune=finetune_of,
        dataset="<results>/{material}/round_{round}/dataset.extxyz",
        engine=engine_of,
        sampling="<results>/{material}/structure/sampling.extxyz",
        harmonic="<results>/{material}/structure/harmonic.h5",
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
        mem_mb=memory(3000, "committee", "sampling", 1),
        runtime=minutes(60, "committee", "sampling", 1),
    message:
        "{wildcards.material} round {wildcards.round}: test errors and calibration"
    script:
        "../scripts/committee.py"
