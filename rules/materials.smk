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


# By the user's file, by the engine (ph.x), or the words why there are none; every κ repeats them.
rule born:
    input:
        primitive=MATERIAL.primitive,
    output:
        MATERIAL.born,
    log:
        "<logs>/born/{material}.log",
    benchmark:
        "<benchmarks>/born/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("born", 2000, "primitive", 1.5),
        runtime=minutes("born", 120, "primitive", 3),
    params:
        phonons=plain(CAMPAIGN.phonons, include={"born", "force_constants"}),
        materials=PARAMETERS.materials,
        reference=plain(CAMPAIGN.reference),
        content=PARAMETERS.born_file,
        scratch=MATERIAL.scratch("born"),
    message:
        "{wildcards.material}: Born charges and dielectric constant"
    script:
        "../scripts/born.py"
