rule seed_aimd:
    input:
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/seeds/aimd_{index}.extxyz",
    log:
        "<logs>/seed_aimd/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_aimd/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000, "seed_aimd", "sampling", 1.5),
        runtime=minutes(1440, "seed_aimd", "sampling", 2),
    params:
        seed=lambda wildcards: plain(CAMPAIGN.seeds[int(wildcards.index)]),
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        scratch=f"{RESULTS}/{{material}}/scratch/aimd_{{index}}",
        ledger=f"{RESULTS}/{{material}}/ledger",
    message:
        "{wildcards.material}: ab initio MD, seed {wildcards.index}"
    script:
        "../scripts/seed_aimd.py"


rule seed_displaced:
    input:
        **phonon_cell_of_seeds(),
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        cheap=expand(
            "<results>/{material}/low_fidelity/kept_{index}.extxyz",
            index=seeds_of("low_fidelity"),
            allow_missing=True,
        ),
    output:
        "<results>/{material}/seeds/candidates.extxyz",
    log:
        "<logs>/seed_displaced/{material}.log",
    benchmark:
        "<benchmarks>/seed_displaced/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000, "seed_displaced", "sampling", 1.5),
        runtime=minutes(240, "seed_displaced", "sampling", 2),
    params:
        seeds=[(n, plain(CAMPAIGN.seeds[n])) for n in seeds_of("rattled", "harmonic")],
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        timeout=CAMPAIGN.resources.label_timeout,
        scratch=f"{RESULTS}/{{material}}/scratch/seed_displaced",
        ledger=f"{RESULTS}/{{material}}/ledger",
    message:
        "{wildcards.material}: rattled and thermally displaced frames to label"
    script:
        "../scripts/seed_displaced.py"


rule seed_frames:
    input:
        frames=frames_of_user,
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/seeds/frames_{index}.extxyz",
    log:
        "<logs>/seed_frames/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_frames/{material}_{index}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(30),
    params:
        seed=lambda wildcards: plain(CAMPAIGN.seeds[int(wildcards.index)]),
        table=plain(CAMPAIGN.reference).get("path"),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: labelled frames that the user has, seed {wildcards.index}"
    script:
        "../scripts/seed_frames.py"


rule split:
    input:
        aimd=expand(
            "<results>/{material}/seeds/aimd_{index}.extxyz",
            index=seeds_of("aimd"),
            allow_missing=True,
        ),
        labels=(
            expand(
                "<results>/{material}/seeds/labels/{chunk}.extxyz",
                chunk=CHUNKS,
                allow_missing=True,
            )
            if seeds_of("rattled", "harmonic", "low_fidelity")
            else []
        ),
        frames=expand(
            "<results>/{material}/seeds/frames_{index}.extxyz",
            index=seeds_of("frames"),
            allow_missing=True,
        ),
        nomad=expand(
            "<results>/{material}/seeds/nomad_{index}.extxyz",
            index=seeds_of("nomad"),
            allow_missing=True,
        ),
    output:
        train="<results>/{material}/seeds/train.extxyz",
        calibration="<results>/{material}/seeds/calibration.extxyz",
        test="<results>/{material}/seeds/test.extxyz",
    log:
        "<logs>/split/{material}.log",
    benchmark:
        "<benchmarks>/split/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        split=plain(CAMPAIGN.split),
    message:
        "{wildcards.material}: time-blocked split of the seeds"
    script:
        "../scripts/split.py"


# Harmonic forces that σᴬ is measured against; where nothing can be fitted the file says why.
rule harmonic:
    input:
        seeds="<results>/{material}/seeds/train.extxyz",
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/structure/harmonic.h5",
    log:
        "<logs>/harmonic/{material}.log",
    benchmark:
        "<benchmarks>/harmonic/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(30),
    message:
        "{wildcards.material}: harmonic reference of the sampling supercell"
    script:
        "../scripts/harmonic.py"
