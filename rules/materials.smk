rule structure:
    input:
        table=ancient(CAMPAIGN.materials.table),
    output:
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
        record="<results>/{material}/structure/structure.json",
    log:
        "<logs>/structure/{material}.log",
    benchmark:
        "<benchmarks>/structure/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000, "structure", "primitive", 1.5),
        runtime=minutes(60, "structure", "primitive", 2),
    params:
        materials=materials_of,
        recipe=recipe_of,
        reference=plain(CAMPAIGN.reference),
        scratch=f"{RESULTS}/{{material}}/scratch/structure",
    message:
        "{wildcards.material}: build and relax the primitive cell, make the supercells"
    script:
        "../scripts/structure.py"
