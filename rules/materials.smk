rule structure:
    input:
        table=ancient(CAMPAIGN.materials.table),
    output:
        primitive=MATERIAL.primitive,
        sampling=MATERIAL.sampling,
        phonon=MATERIAL.phonon,
        record=MATERIAL.structure,
    log:
        "<logs>/structure/{material}.log",
    benchmark:
        "<benchmarks>/structure/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("structure", 2000, "primitive", 1.5),
        runtime=minutes("structure", 60, "primitive", 2),
    params:
        materials=PARAMETERS.materials,
        recipe=PARAMETERS.recipe,
        reference=plain(CAMPAIGN.reference),
        scratch=MATERIAL.scratch("structure"),
    message:
        "{wildcards.material}: build and relax the primitive cell, make the supercells"
    script:
        "../scripts/structure.py"
