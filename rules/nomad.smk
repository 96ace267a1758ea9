rule nomad_listing:
    output:
        "<results>/{material}/nomad_{index}/listing.json",
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
        mem_mb=memory(500),
        runtime=minutes(30),
        nomad=1,
    params:
        formula=lambda wildcards: wildcards.material.rsplit("-", 1)[0],
        seed=lambda wildcards: nomad_place(wildcards),
    message:
        "{wildcards.material}: what NOMAD has, seed {wildcards.index}"
    script:
        "../scripts/nomad_listing.py"


# Asked for by name: sizes of all materials, and no download.
rule nomad_sizes:
    input:
        expand(
            "<results>/{material}/nomad_{index}/listing.json",
            material=MATERIALS,
            index=seeds_of("nomad"),
        ),
    output:
        "<results>/nomad_sizes.json",
    log:
        "<logs>/nomad_sizes.log",
    benchmark:
        "<benchmarks>/nomad_sizes.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(500),
        runtime=minutes(5),
    message:
        "sizes of the data sets on NOMAD"
    script:
        "../scripts/nomad_sizes.py"


# Files go to scratch, which Snakemake does not delete when the job fails: the next one goes on.
rule nomad_download:
    input:
        "<results>/{material}/nomad_{index}/listing.json",
    output:
        "<results>/{material}/nomad_{index}/manifest.json",
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
        mem_mb=memory(500),
        runtime=minutes(720),
        nomad=1,
    params:
        seed=lambda wildcards: nomad_place(wildcards),
        folder=f"{RESULTS}/{{material}}/scratch/nomad_{{index}}",
    message:
        "{wildcards.material}: download from NOMAD, seed {wildcards.index}"
    script:
        "../scripts/nomad_download.py"


rule seed_nomad:
    input:
        manifest="<results>/{material}/nomad_{index}/manifest.json",
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        "<results>/{material}/seeds/nomad_{index}.extxyz",
    log:
        "<logs>/seed_nomad/{material}_{index}.log",
    benchmark:
        "<benchmarks>/seed_nomad/{material}_{index}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(60),
    params:
        seed=lambda wildcards: plain(CAMPAIGN.seeds[int(wildcards.index)]),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: labelled frames from NOMAD, seed {wildcards.index}"
    script:
        "../scripts/seed_nomad.py"
