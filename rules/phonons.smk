rule phonons:
    input:
        fc2=expand(
            MATERIAL.member_conductivity().fc2,
            member=MEMBERS,
            allow_missing=True,
        ),
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        bands=MATERIAL.bands,
        record=MATERIAL.thermodynamics,
    log:
        "<logs>/phonons/{material}.log",
    benchmark:
        "<benchmarks>/phonons/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("phonons", 2000, "phonon", 1),
        runtime=minutes("phonons", 60, "phonon", 1),
    params:
        phonons=plain(CAMPAIGN.phonons),
        temperatures=CAMPAIGN.conductivity.temperatures,
    message:
        "{wildcards.material}: phonon bands, density of states and thermodynamics of every member"
    script:
        "../scripts/phonons.py"
