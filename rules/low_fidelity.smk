# Frames from a cheaper surface: its dynamics, the few that a committee disagrees about, and members
# that have learned it first. The reference labels the kept ones with all other displaced seeds.
rule low_fidelity_sample:
    input:
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
        model=REQUESTS.surface_model,
    output:
        pool=MATERIAL.low_fidelity.pool(),
        record=MATERIAL.low_fidelity.pool_record(),
    log:
        "<logs>/low_fidelity_sample/{material}_{index}.log",
    benchmark:
        "<benchmarks>/low_fidelity_sample/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("low_fidelity_sample", 3000),
        runtime=minutes("low_fidelity_sample", 240),
    params:
        seed=PARAMETERS.low_fidelity_sampling,
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: dynamics on a cheap surface, seed {wildcards.index}"
    script:
        "../scripts/low_fidelity_sample.py"


rule low_fidelity_distil:
    input:
        pool=MATERIAL.low_fidelity.pool(),
        engine=ancient(REQUESTS.distillation_engine),
    output:
        kept=MATERIAL.low_fidelity.kept(),
        record=MATERIAL.low_fidelity.kept_record(),
    log:
        "<logs>/low_fidelity_distil/{material}_{index}.log",
    benchmark:
        "<benchmarks>/low_fidelity_distil/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("low_fidelity_distil", 3000),
        runtime=minutes("low_fidelity_distil", 240),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        distillation=PARAMETERS.distillation,
        wanted=PARAMETERS.cheap_frames,
        root=CAMPAIGN.seed,
        scratch=MATERIAL.scratch("low_fidelity_{index}"),
    message:
        "{wildcards.material}: which cheap frames are worth a label, seed {wildcards.index}"
    script:
        "../scripts/low_fidelity_distil.py"


rule low_fidelity_train:
    input:
        pool=REQUESTS.pool_to_learn,
    output:
        model=MATERIAL.low_fidelity.model(),
        record=MATERIAL.low_fidelity.record(),
    log:
        "<logs>/low_fidelity_train/{material}_{member}.log",
    benchmark:
        "<benchmarks>/low_fidelity_train/{material}_{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("low_fidelity_train", 3000),
        runtime=minutes("low_fidelity_train", 240),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=PARAMETERS.learning(),
        pretraining=PARAMETERS.pretraining(),
        committee=PARAMETERS.member(),
        root=CAMPAIGN.seed,
        scratch=MATERIAL.scratch("low_fidelity_member_{member}"),
    message:
        "{wildcards.material}: member {wildcards.member} learns the cheap surface"
    script:
        "../scripts/low_fidelity_train.py"
