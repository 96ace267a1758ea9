rule seed_aimd:
    message:
        "{wildcards.material}: ab initio MD, seed {wildcards.index}"
    input:
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/seeds/aimd_{index}.extxyz",
    params:
        seed=lambda wildcards: plain(CAMPAIGN.seeds[int(wildcards.index)]),
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/aimd_{{index}}",
        ledger=f"{RESULTS}/{{material}}/ledger",
    log:
        "<logs>/seed_aimd/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_aimd/{material}_{index}.tsv"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(1440),
    retries: tries()
    conda:
        ENVIRONMENT
    script:
        "../scripts/seed_aimd.py"


rule seed_displaced:
    message:
        "{wildcards.material}: rattled and thermally displaced frames to label"
    input:
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/seeds/candidates.extxyz",
    params:
        seeds=[(n, plain(CAMPAIGN.seeds[n])) for n in seeds_of("rattled", "harmonic")],
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        timeout=CAMPAIGN.resources.label_timeout,
        scratch=f"{RESULTS}/{{material}}/scratch/seed_displaced",
        ledger=f"{RESULTS}/{{material}}/ledger",
    log:
        "<logs>/seed_displaced/{material}.log",
    benchmark:
        "<benchmarks>/seed_displaced/{material}.tsv"
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(240),
    retries: tries()
    conda:
        ENVIRONMENT
    script:
        "../scripts/seed_displaced.py"


rule seed_frames:
    message:
        "{wildcards.material}: labelled frames that the user has, seed {wildcards.index}"
    input:
        frames=lambda wildcards: CAMPAIGN.seeds[int(wildcards.index)].path,
    output:
        "<results>/{material}/seeds/frames_{index}.extxyz",
    params:
        seed=lambda wildcards: plain(CAMPAIGN.seeds[int(wildcards.index)]),
        root=CAMPAIGN.seed,
    log:
        "<logs>/seed_frames/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_frames/{material}_{index}.tsv"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(30),
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/seed_frames.py"


rule split:
    message:
        "{wildcards.material}: time-blocked split of the seeds"
    input:
        aimd=expand("<results>/{material}/seeds/aimd_{index}.extxyz", index=seeds_of("aimd"), allow_missing=True),
        labels=expand("<results>/{material}/seeds/labels/{chunk}.extxyz", chunk=CHUNKS, allow_missing=True)
        if seeds_of("rattled", "harmonic")
        else [],
        frames=expand("<results>/{material}/seeds/frames_{index}.extxyz", index=seeds_of("frames"), allow_missing=True),
    output:
        train="<results>/{material}/seeds/train.extxyz",
        calibration="<results>/{material}/seeds/calibration.extxyz",
        test="<results>/{material}/seeds/test.extxyz",
    params:
        split=plain(CAMPAIGN.split),
    log:
        "<logs>/split/{material}.log",
    benchmark:
        "<benchmarks>/split/{material}.tsv"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/split.py"
