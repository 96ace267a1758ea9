rule seed_aimd:
    input:
        sampling=MATERIAL.sampling,
    output:
        SEEDS.aimd(),
    log:
        "<logs>/seed_aimd/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_aimd/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("seed_aimd", 3000, "sampling", 1.5),
        runtime=minutes("seed_aimd", 1440, "sampling", 2),
    params:
        seed=PARAMETERS.seed,
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        scratch=MATERIAL.scratch("aimd_{index}"),
        ledger=MATERIAL.ledger,
    message:
        "{wildcards.material}: ab initio MD, seed {wildcards.index}"
    script:
        "../scripts/seed_aimd.py"


rule seed_displaced:
    input:
        **REQUESTS.cells_of_seeds(),
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
        cheap=expand(
            MATERIAL.low_fidelity.kept(),
            index=REQUESTS.seeds_of("low_fidelity"),
            allow_missing=True,
        ),
    output:
        SEEDS.candidates,
    log:
        "<logs>/seed_displaced/{material}.log",
    benchmark:
        "<benchmarks>/seed_displaced/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("seed_displaced", 3000, LABELLED, 1.5),
        runtime=minutes("seed_displaced", 240, LABELLED, 2),
    params:
        seeds=PARAMETERS.seeds("rattled", "harmonic"),
        reference=plain(CAMPAIGN.reference),
        root=CAMPAIGN.seed,
        timeout=PARAMETERS.label_timeout(),
        tries=PARAMETERS.label_tries(),
        scratch=MATERIAL.scratch("seed_displaced"),
        ledger=MATERIAL.ledger,
    message:
        "{wildcards.material}: rattled and thermally displaced frames to label"
    script:
        "../scripts/seed_displaced.py"


rule seed_frames:
    input:
        frames=REQUESTS.labelled_by_user,
        sampling=MATERIAL.sampling,
    output:
        SEEDS.frames(),
    log:
        "<logs>/seed_frames/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_frames/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("seed_frames", 1000),
        runtime=minutes("seed_frames", 30),
    params:
        seed=PARAMETERS.seed,
        table=plain(CAMPAIGN.reference).get("path"),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: labelled frames that the user has, seed {wildcards.index}"
    script:
        "../scripts/seed_frames.py"


rule split:
    input:
        aimd=expand(
            SEEDS.aimd(),
            index=REQUESTS.seeds_of("aimd"),
            allow_missing=True,
        ),
        labels=(
            expand(
                SEEDS.labels(),
                chunk=CHUNKS,
                allow_missing=True,
            )
            if REQUESTS.seeds_of("rattled", "harmonic", "low_fidelity")
            else []
        ),
        frames=expand(
            SEEDS.frames(),
            index=REQUESTS.seeds_of("frames"),
            allow_missing=True,
        ),
        nomad=expand(
            SEEDS.nomad(),
            index=REQUESTS.seeds_of("nomad"),
            allow_missing=True,
        ),
    output:
        **({"displaced": SEEDS.displaced} if REQUESTS.seeds_of("harmonic") else {}),
        train=SEEDS.train,
        calibration=SEEDS.calibration,
        test=SEEDS.test,
    log:
        "<logs>/split/{material}.log",
    benchmark:
        "<benchmarks>/split/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("split", 1000),
        runtime=minutes("split", 10),
    params:
        split=plain(CAMPAIGN.split),
    message:
        "{wildcards.material}: time-blocked split of the seeds"
    script:
        "../scripts/split.py"


# Harmonic forces that σᴬ is measured against; where nothing can be fitted the file says why.
rule harmonic:
    input:
        displaced=[SEEDS.displaced] if REQUESTS.seeds_of("harmonic") else [],
        seeds=SEEDS.train,
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
        given=REQUESTS.netcdf_of_user,
    output:
        MATERIAL.harmonic,
    log:
        "<logs>/harmonic/{material}.log",
    benchmark:
        "<benchmarks>/harmonic/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("harmonic", 3000, "sampling", 1),
        runtime=minutes("harmonic", 60, "sampling", 1),
    message:
        "{wildcards.material}: harmonic reference of the sampling supercell"
    script:
        "../scripts/harmonic.py"
