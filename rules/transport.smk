use rule round_conductivity as conductivity_member with:
    input:
        model=MATERIAL.final_model(),
        engine=ancient(REQUESTS.cpu_engine),
        dataset=lambda wildcards: final_round(wildcards).dataset,
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        record=MATERIAL.member_conductivity().record,
        fc2=MATERIAL.member_conductivity().fc2,
        modes=MATERIAL.member_conductivity().modes,
        params=MATERIAL.member_conductivity().params,
    log:
        "<logs>/conductivity_member/{material}_{member}.log",
    benchmark:
        "<benchmarks>/conductivity_member/{material}_{member}.tsv"
    resources:
        mem_mb=memory("conductivity_member", 4000, "phonon", 2),
        runtime=minutes("conductivity_member", 120, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        phonons=PARAMETERS.conductivity_phonons(),
        taylor=PARAMETERS.correction(),
        conductivity=PARAMETERS.kappa("mesh"),
        mesh=CAMPAIGN.conductivity.mesh,
    message:
        "{wildcards.material}: κ of member {wildcards.member} of the last committee"


rule conductivity:
    input:
        members=expand(
            MATERIAL.member_conductivity().record,
            member=MEMBERS,
            allow_missing=True,
        ),
        table=ancient(CAMPAIGN.materials.table),
    output:
        MATERIAL.conductivity,
    log:
        "<logs>/conductivity/{material}.log",
    benchmark:
        "<benchmarks>/conductivity/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("conductivity", 1000),
        runtime=minutes("conductivity", 10),
    params:
        conductivity=PARAMETERS.kappa("mesh"),
        reference=plain(CAMPAIGN.reference),
    message:
        "{wildcards.material}: κ with its spread over the committee"
    script:
        "../scripts/conductivity.py"


# What the ± of every κ is made of. Labels that nothing has learned from (of the audit, and those that
# calibrate and test) say what the forces that the committee leaves do to κ.
rule error_budget:
    input:
        conductivity=MATERIAL.conductivity,
        green_kubo=REQUESTS.green_kubo,
        audit=final_audit,
        fresh=fresh_labels,
        dataset=lambda wildcards: final_round(wildcards).dataset,
        members=expand(MATERIAL.final_model(), member=MEMBERS, allow_missing=True),
        committee=MATERIAL.final_committee,
        engine=ancient(REQUESTS.cpu_engine),
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        MATERIAL.error_budget,
    log:
        "<logs>/error_budget/{material}.log",
    benchmark:
        "<benchmarks>/error_budget/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("error_budget", 6000, "phonon", 2),
        runtime=minutes("error_budget", 240, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        phonons=PARAMETERS.conductivity_phonons(),
        taylor=PARAMETERS.prior(),
        conductivity=PARAMETERS.kappa("mesh", "round_mesh"),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: what the ± of κ is made of"
    script:
        "../scripts/error_budget.py"


# On request: which q-mesh is enough for this material, by the first member.
rule mesh_convergence:
    input:
        model=MATERIAL.final_model(0),
        engine=ancient(REQUESTS.cpu_engine),
        dataset=lambda wildcards: final_round(wildcards).dataset,
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        MATERIAL.mesh_convergence,
    log:
        "<logs>/mesh_convergence/{material}.log",
    benchmark:
        "<benchmarks>/mesh_convergence/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("mesh_convergence", 8000, "phonon", 2),
        runtime=minutes("mesh_convergence", 240, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        phonons=PARAMETERS.conductivity_phonons(),
        taylor=PARAMETERS.correction(),
        conductivity=PARAMETERS.kappa("mesh_tolerance"),
    message:
        "{wildcards.material}: κ on denser and denser meshes"
    script:
        "../scripts/mesh_convergence.py"


rule srme:
    input:
        members=expand(
            MATERIAL.member_conductivity().modes,
            member=MEMBERS,
            allow_missing=True,
        ),
        reference=REQUESTS.reference_modes,
    output:
        MATERIAL.srme,
    log:
        "<logs>/srme/{material}.log",
    benchmark:
        "<benchmarks>/srme/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("srme", 1000),
        runtime=minutes("srme", 10),
    message:
        "{wildcards.material}: κ_SRME of every member against the reference's modes"
    script:
        "../scripts/srme.py"
