use rule round_conductivity as conductivity_member with:
    message:
        "{wildcards.material}: κ of member {wildcards.member} of the last committee"
    input:
        model="<results>/{material}/model/member_{member}.ckpt",
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        record="<results>/{material}/conductivity/member_{member}.json",
        fc2="<results>/{material}/conductivity/member_{member}.fc2.hdf5",
    params:
        phonons=plain(CAMPAIGN.phonons),
        conductivity=plain(CAMPAIGN.conductivity),
        mesh=CAMPAIGN.conductivity.mesh,
    log:
        "<logs>/conductivity_member/{material}_{member}.log",
    benchmark:
        "<benchmarks>/conductivity_member/{material}_{member}.tsv"


rule conductivity:
    message:
        "{wildcards.material}: κ with its spread over the committee"
    input:
        members=expand("<results>/{material}/conductivity/member_{member}.json", member=MEMBERS, allow_missing=True),
        table=ancient(CAMPAIGN.materials.table),
    output:
        "<results>/{material}/conductivity.json",
    params:
        conductivity=plain(CAMPAIGN.conductivity),
        reference=plain(CAMPAIGN.reference),
    log:
        "<logs>/conductivity/{material}.log",
    benchmark:
        "<benchmarks>/conductivity/{material}.tsv"
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    localrule: True
    conda:
        ENVIRONMENT
    script:
        "../scripts/conductivity.py"
