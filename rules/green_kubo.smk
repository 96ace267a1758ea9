# Like `engine`, but for the graph that gives the heat flux with the forces.
use rule engine as flux_engine with:
    output:
        directory(RESULTS.flux_engine()),
    log:
        "<logs>/flux_engine/{species}.log",
    benchmark:
        "<benchmarks>/flux_engine/{species}.tsv"
    resources:
        mem_mb=memory("flux_engine", 4000),
        runtime=minutes("flux_engine", 60),
    message:
        "Compile the heat flux of the potential for {wildcards.species} species (one to four minutes, once per machine)"


if CAMPAIGN.resources.gpu:

    use rule flux_engine as gpu_flux_engine with:
        output:
            directory(RESULTS.gpu(RESULTS.flux_engine())),
        log:
            "<logs>/gpu_flux_engine/{species}.log",
        benchmark:
            "<benchmarks>/gpu_flux_engine/{species}.tsv"
        resources:
            mem_mb=memory("gpu_flux_engine", 8000),
            runtime=minutes("gpu_flux_engine", 60),
            gpu=1,
        message:
            "Compile the heat flux of the potential for {wildcards.species} species and a GPU (one to four minutes, once per machine)"


# What Green–Kubo moves, said before it does: members with their Taylor correction, or why without.
rule moved_potential:
    input:
        members=expand(MEMBER.model, member=MEMBERS, allow_missing=True),
        dataset=ROUND.dataset,
        phonon=MATERIAL.phonon,
    output:
        correction=ROUND.dynamics_correction,
        record=ROUND.moved_potential,
    log:
        "<logs>/moved_potential/{material}_{round}.log",
    benchmark:
        "<benchmarks>/moved_potential/{material}_{round}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("moved_potential", 4000, "phonon", 2),
        runtime=minutes("moved_potential", 60, "phonon", 2),
    params:
        taylor=PARAMETERS.prior(),
    message:
        "{wildcards.material} round {wildcards.round}: Taylor correction for the dynamics"
    script:
        "../scripts/moved_potential.py"


# Chunks of a killed run lie in scratch/; the run goes on there.
rule green_kubo_trajectory:
    input:
        unpack(moved_potential),
        model=REQUESTS.trajectory_member,
        engine=ancient(REQUESTS.engine),
        flux=ancient(REQUESTS.flux_engine),
        primitive=MATERIAL.primitive,
        phonon=MATERIAL.phonon,
    output:
        ROUND.trajectory(),
    log:
        "<logs>/green_kubo_trajectory/{material}_{round}_{index}.log",
    benchmark:
        "<benchmarks>/green_kubo_trajectory/{material}_{round}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("green_kubo_trajectory", 3000, "phonon", 1),
        runtime=minutes("green_kubo_trajectory", 1440, "phonon", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        # the analysis may change without another trajectory
        green_kubo=PARAMETERS.trajectory(),
        root=CAMPAIGN.seed,
        scratch=MATERIAL.scratch("green_kubo"),
    message:
        "{wildcards.material} round {wildcards.round}: heat flux along trajectory {wildcards.index}"
    script:
        "../scripts/green_kubo_trajectory.py"


rule green_kubo:
    input:
        unpack(final_moved_potential),
        trajectories=final_trajectories,
        members=expand(
            MATERIAL.final_model(),
            member=MEMBERS,
            allow_missing=True,
        ),
        engine=ancient(REQUESTS.cpu_engine),
        primitive=MATERIAL.primitive,
    output:
        record=MATERIAL.green_kubo,
        series=MATERIAL.heat_flux,
    log:
        "<logs>/green_kubo/{material}.log",
    benchmark:
        "<benchmarks>/green_kubo/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("green_kubo", 4000, "phonon", 1),
        runtime=minutes("green_kubo", 60, "phonon", 1),
    params:
        green_kubo=PARAMETERS.heat_flux(),
        displacement=CAMPAIGN.phonons.displacement,
    message:
        "{wildcards.material}: κ from the heat flux, lifetimes and the size correction"
    script:
        "../scripts/green_kubo.py"


# The middle way: force constants that describe the forces along the dynamics best, then the
# Boltzmann equation with them.
rule effective_conductivity:
    input:
        unpack(final_moved_potential),
        trajectories=final_trajectories,
        members=expand(
            MATERIAL.final_model(),
            member=MEMBERS,
            allow_missing=True,
        ),
        engine=ancient(REQUESTS.cpu_engine),
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
    output:
        record=MATERIAL.effective,
        modes=MATERIAL.effective_modes,
    log:
        "<logs>/effective_conductivity/{material}.log",
    benchmark:
        "<benchmarks>/effective_conductivity/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("effective_conductivity", 8000, "phonon", 2),
        runtime=minutes("effective_conductivity", 240, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        phonons=PARAMETERS.effective_phonons(),
        conductivity=PARAMETERS.effective_kappa(),
        effective=PARAMETERS.effective_frames(),
    message:
        "{wildcards.material}: κ with temperature-dependent effective force constants"
    script:
        "../scripts/effective_conductivity.py"
