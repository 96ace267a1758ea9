use rule round_conductivity as conductivity_member with:
    input:
        model="<results>/{material}/model/member_{member}.ckpt",
        dataset=of_last_round("dataset.extxyz"),
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        record="<results>/{material}/conductivity/member_{member}.json",
        fc2="<results>/{material}/conductivity/member_{member}.fc2.hdf5",
        modes="<results>/{material}/conductivity/member_{member}.modes.hdf5",
        params="<results>/{material}/conductivity/member_{member}.params.yaml.xz",
    log:
        "<logs>/conductivity_member/{material}_{member}.log",
    benchmark:
        "<benchmarks>/conductivity_member/{material}_{member}.tsv"
    params:
        phonons=plain(CAMPAIGN.phonons),
        taylor=plain(CAMPAIGN.potential.taylor),
        conductivity=plain(CAMPAIGN.conductivity),
        mesh=CAMPAIGN.conductivity.mesh,
    message:
        "{wildcards.material}: κ of member {wildcards.member} of the last committee"


rule conductivity:
    input:
        members=expand(
            "<results>/{material}/conductivity/member_{member}.json",
            member=MEMBERS,
            allow_missing=True,
        ),
        table=ancient(CAMPAIGN.materials.table),
    output:
        "<results>/{material}/conductivity.json",
    log:
        "<logs>/conductivity/{material}.log",
    benchmark:
        "<benchmarks>/conductivity/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        conductivity=plain(CAMPAIGN.conductivity),
        reference=plain(CAMPAIGN.reference),
    message:
        "{wildcards.material}: κ with its spread over the committee"
    script:
        "../scripts/conductivity.py"


# On request: which q-mesh is enough for this material, by the first member.
rule mesh_convergence:
    input:
        model="<results>/{material}/model/member_0.ckpt",
        dataset=of_last_round("dataset.extxyz"),
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        "<results>/{material}/conductivity/mesh.json",
    log:
        "<logs>/mesh_convergence/{material}.log",
    benchmark:
        "<benchmarks>/mesh_convergence/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(8000, "mesh_convergence", "phonon", 2),
        runtime=minutes(240, "mesh_convergence", "phonon", 2),
    params:
        phonons=plain(CAMPAIGN.phonons),
        taylor=plain(CAMPAIGN.potential.taylor),
        conductivity=plain(CAMPAIGN.conductivity),
    message:
        "{wildcards.material}: κ on denser and denser meshes"
    script:
        "../scripts/mesh_convergence.py"


rule srme:
    input:
        members=expand(
            "<results>/{material}/conductivity/member_{member}.modes.hdf5",
            member=MEMBERS,
            allow_missing=True,
        ),
        reference=reference_modes,
    output:
        "<results>/{material}/conductivity/srme.json",
    log:
        "<logs>/srme/{material}.log",
    benchmark:
        "<benchmarks>/srme/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: κ_SRME of every member against the reference's modes"
    script:
        "../scripts/srme.py"
