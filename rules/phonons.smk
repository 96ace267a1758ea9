rule phonons:
    message:
        "{wildcards.material}: phonon bands, density of states and thermodynamics of every member"
    input:
        fc2=expand("<results>/{material}/conductivity/member_{member}.fc2.hdf5", member=MEMBERS, allow_missing=True),
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        bands="<results>/{material}/phonons/bands.h5",
        record="<results>/{material}/phonons/thermodynamics.json",
    params:
        phonons=plain(CAMPAIGN.phonons),
    log:
        "<logs>/phonons/{material}.log",
    benchmark:
        "<benchmarks>/phonons/{material}.tsv"
    threads: 1
    resources:
        mem_mb=memory(2000),
        runtime=minutes(60),
    retries: tries()
    conda:
        ENVIRONMENT
    script:
        "../scripts/phonons.py"
