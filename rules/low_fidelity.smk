# Frames from a cheaper surface: its dynamics, the few that a committee disagrees about, and members
# that have learned it first. The reference labels the kept ones with all other displaced seeds.
rule low_fidelity_sample:
    input:
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        model=model_of_surface,
    output:
        pool="<results>/{material}/low_fidelity/pool_{index}.extxyz",
        record="<results>/{material}/low_fidelity/pool_{index}.json",
    log:
        "<logs>/low_fidelity_sample/{material}_{index}.log",
    benchmark:
        "<benchmarks>/low_fidelity_sample/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(240),
    params:
        seed=sampling_of_low_fidelity,
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: dynamics on a cheap surface, seed {wildcards.index}"
    script:
        "../scripts/low_fidelity_sample.py"


rule low_fidelity_distil:
    input:
        pool="<results>/{material}/low_fidelity/pool_{index}.extxyz",
    output:
        kept="<results>/{material}/low_fidelity/kept_{index}.extxyz",
        record="<results>/{material}/low_fidelity/kept_{index}.json",
    log:
        "<logs>/low_fidelity_distil/{material}_{index}.log",
    benchmark:
        "<benchmarks>/low_fidelity_distil/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(240),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        distillation=lambda wildcards: (plain(CAMPAIGN.seeds[int(wildcards.index)])["distillation"]),
        wanted=lambda wildcards: CAMPAIGN.seeds[int(wildcards.index)].count,
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/low_fidelity_{{index}}",
    message:
        "{wildcards.material}: which cheap frames are worth a label, seed {wildcards.index}"
    script:
        "../scripts/low_fidelity_distil.py"


rule low_fidelity_train:
    input:
        pool=pool_to_learn,
    output:
        model="<results>/{material}/low_fidelity/member_{member}.ckpt",
        record="<results>/{material}/low_fidelity/member_{member}.json",
    log:
        "<logs>/low_fidelity_train/{material}_{member}.log",
    benchmark:
        "<benchmarks>/low_fidelity_train/{material}_{member}.tsv"
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
        pretraining=plain(PRETRAINING) if PRETRAINING else None,
        committee=plain(CAMPAIGN.committee),
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/low_fidelity_member_{{member}}",
    message:
        "{wildcards.material}: member {wildcards.member} learns the cheap surface"
    script:
        "../scripts/low_fidelity_train.py"
