rule dataset:
    input:
        seeds=[SEEDS.train, *([SEEDS.displaced] if REQUESTS.seeds_of("harmonic") else [])],
        dataset=REQUESTS.previous_dataset,
        labels=REQUESTS.previous_labels,
        lesson=previous_lesson,
        stop=spent_labels,
    output:
        ROUND.dataset,
    log:
        "<logs>/dataset/{material}_{round}.log",
    benchmark:
        "<benchmarks>/dataset/{material}_{round}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("dataset", 1000),
        runtime=minutes("dataset", 10),
    message:
        "{wildcards.material} round {wildcards.round}: all training labels so far"
    script:
        "../scripts/dataset.py"


rule train:
    input:
        dataset=ROUND.dataset,
        parent=REQUESTS.parent,
        start=REQUESTS.start,
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
        born=MATERIAL.born if CAMPAIGN.potential.baseline == "taylor" else [],
    output:
        model=MEMBER.ordinary if CAMPAIGN.finetune else MEMBER.model,
        record=MEMBER.training,
    log:
        "<logs>/train/{material}_{round}_{member}.log",
    benchmark:
        "<benchmarks>/train/{material}_{round}_{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("train", 3000, "sampling", 1),
        runtime=minutes("train", 240, "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=PARAMETERS.potential,
        committee=PARAMETERS.member(),
        phonons=PARAMETERS.taylor_phonons(),
        root=CAMPAIGN.seed,
        scratch=MATERIAL.scratch("round_{round}_member_{member}"),
    message:
        "{wildcards.material} round {wildcards.round}: train member {wildcards.member}"
    script:
        "../scripts/train.py"


# One compiled graph serves every member, round and material with as many species.
rule engine:
    output:
        directory(RESULTS.engine()),
    log:
        "<logs>/engine/{species}.log",
    benchmark:
        "<benchmarks>/engine/{species}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("engine", 4000),
        runtime=minutes("engine", 30),
    params:
        potential=PARAMETERS.architecture(),
        mode=CAMPAIGN.committee.engine,
    message:
        "Compile the potential's architecture for {wildcards.species} species (one to four minutes, once per machine)"
    script:
        "../scripts/engine.py"


# The networks of a distillation are smaller than those of the committee: another graph.
use rule engine as distillation_engine with:
    output:
        directory(RESULTS.distillation_engine()),
    log:
        "<logs>/distillation_engine/{index}_{species}.log",
    benchmark:
        "<benchmarks>/distillation_engine/{index}_{species}.tsv"
    resources:
        mem_mb=memory("distillation_engine", 4000),
        runtime=minutes("distillation_engine", 30),
    params:
        potential=PARAMETERS.distillation_architecture,
        mode=CAMPAIGN.committee.engine,
    message:
        "Compile the networks of the distillation of seed {wildcards.index}, {wildcards.species} species (one to four minutes, once per machine)"


# A graph belongs to a type of device; jobs that ask for no GPU have that of the processor.
if CAMPAIGN.resources.gpu:

    use rule engine as gpu_engine with:
        output:
            directory(RESULTS.gpu(RESULTS.engine())),
        log:
            "<logs>/gpu_engine/{species}.log",
        benchmark:
            "<benchmarks>/gpu_engine/{species}.tsv"
        resources:
            mem_mb=memory("gpu_engine", 8000),
            runtime=minutes("gpu_engine", 30),
            gpu=1,
        message:
            "Compile the potential's architecture for {wildcards.species} species and a GPU (one to four minutes, once per machine)"

    use rule distillation_engine as gpu_distillation_engine with:
        output:
            directory(RESULTS.gpu(RESULTS.distillation_engine())),
        log:
            "<logs>/gpu_distillation_engine/{index}_{species}.log",
        benchmark:
            "<benchmarks>/gpu_distillation_engine/{index}_{species}.tsv"
        resources:
            mem_mb=memory("gpu_distillation_engine", 8000),
            runtime=minutes("gpu_distillation_engine", 30),
            gpu=1,
        message:
            "Compile the networks of distillation {wildcards.index}, {wildcards.species} species, for a GPU (one to four minutes, once per machine)"


rule committee:
    input:
        members=expand(
            MEMBER.model,
            member=MEMBERS,
            allow_missing=True,
        ),
        training=expand(
            MEMBER.training,
            member=MEMBERS,
            allow_missing=True,
        ),
        finetune=REQUESTS.finetune_records,
        dataset=ROUND.dataset,
        engine=ancient(REQUESTS.cpu_engine),
        sampling=MATERIAL.sampling,
        harmonic=MATERIAL.harmonic,
        calibration=SEEDS.calibration,
        test=SEEDS.test,
    output:
        record=ROUND.committee,
        test=ROUND.test_errors,
    log:
        "<logs>/committee/{material}_{round}.log",
    benchmark:
        "<benchmarks>/committee/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("committee", 3000, "sampling", 1),
        runtime=minutes("committee", 60, "sampling", 1),
    message:
        "{wildcards.material} round {wildcards.round}: test errors and calibration"
    script:
        "../scripts/committee.py"
