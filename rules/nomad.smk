rule nomad_listing:
    output:
        MATERIAL.nomad().listing,
    log:
        "<logs>/nomad_listing/{material}_{index}.log",
    benchmark:
        "<benchmarks>/nomad_listing/{material}_{index}.tsv"
    retries: tries()
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("nomad_listing", 500),
        runtime=minutes("nomad_listing", 30),
        nomad=1,
    params:
        formula=lambda wildcards: wildcards.material.rsplit("-", 1)[0],
        seed=PARAMETERS.nomad_query,
    message:
        "{wildcards.material}: what NOMAD has, seed {wildcards.index}"
    script:
        "../scripts/nomad_listing.py"


# Asked for by name: sizes of all materials, and no download.
rule nomad_sizes:
    input:
        expand(
            MATERIAL.nomad().listing,
            material=MATERIALS,
            index=REQUESTS.seeds_of("nomad"),
        ),
    output:
        RESULTS.nomad_sizes,
    log:
        "<logs>/nomad_sizes.log",
    benchmark:
        "<benchmarks>/nomad_sizes.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("nomad_sizes", 500),
        runtime=minutes("nomad_sizes", 5),
    message:
        "sizes of the data sets on NOMAD"
    script:
        "../scripts/nomad_sizes.py"


# Files go to scratch, which Snakemake does not delete when the job fails: the next one goes on.
rule nomad_download:
    input:
        MATERIAL.nomad().listing,
    output:
        MATERIAL.nomad().manifest,
    log:
        "<logs>/nomad_download/{material}_{index}.log",
    benchmark:
        "<benchmarks>/nomad_download/{material}_{index}.tsv"
    retries: tries()
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("nomad_download", 500),
        runtime=minutes("nomad_download", 720),
        nomad=1,
    params:
        seed=PARAMETERS.nomad_query,
        folder=MATERIAL.scratch("nomad_{index}"),
    message:
        "{wildcards.material}: download from NOMAD, seed {wildcards.index}"
    script:
        "../scripts/nomad_download.py"


rule seed_nomad:
    input:
        manifest=MATERIAL.nomad().manifest,
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
    output:
        SEEDS.nomad(),
    log:
        "<logs>/seed_nomad/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_nomad/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("seed_nomad", 1000),
        runtime=minutes("seed_nomad", 60),
    params:
        seed=PARAMETERS.seed,
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: labelled frames from NOMAD, seed {wildcards.index}"
    script:
        "../scripts/seed_nomad.py"
