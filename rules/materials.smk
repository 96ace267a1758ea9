rule structure:
    message:
        "{wildcards.material}: build and relax the primitive cell, make the supercells"
    input:
        table=ancient(CAMPAIGN.materials.table),
    output:
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
        record="<results>/{material}/structure/structure.json",
    params:
        materials=plain(CAMPAIGN.materials),
        reference=plain(CAMPAIGN.reference),
        scratch=f"{RESULTS}/{{material}}/scratch/structure",
    log:
        "<logs>/structure/{material}.log",
    benchmark:
        "<benchmarks>/structure/{material}.tsv"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(60),
    retries: tries()
    conda:
        ENVIRONMENT
    script:
        "../scripts/structure.py"
