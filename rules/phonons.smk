rule phonons:
    input:
        fc2=expand(
            "<results>/{material}/conductivity/member_{member}.fc2.hdf5",
            member=MEMBERS,
            allow_missing=True,
        ),
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        bands="<results>/{material}/phonons/bands.h5",
        record="<results>/{material}/phonons/thermodynamics.json",
    log:
        "<logs>/phonons/{material}.log",
    benchmark:
        "<benchmarks>/phonons/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000, "phonons", "phonon", 1),
        runtime=minutes(60, "phonons", "phonon", 1),
    params:
        phonons=plain(CAMPAIGN.phonons),
        temperatures=CAMPAIGN.conductivity.temperatures,
    message:
        "{wildcards.material}: phonon bands, density of states and thermodynamics of every member"
    script:
        "../scripts/phonons.py"
