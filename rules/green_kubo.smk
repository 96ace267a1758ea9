# Like `engine`, but for the graph that gives the heat flux with the forces.
use rule engine as flux_engine with:
    output:
        directory("<results>/engines/{species}_species_flux"),
    log:
        "<logs>/flux_engine/{species}.log",
    benchmark:
        "<benchmarks>/flux_engine/{species}.tsv"
    message:
        "Compile the heat flux of the potential for {wildcards.species} species"


# Chunks of a killed run lie in scratch/; the run goes on there.
rule green_kubo_trajectory:
    input:
        model=member_of_trajectory,
        engine=engine_of,
        flux=lambda wildcards: f"{engine_of(wildcards)}_flux",
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        "<results>/{material}/green_kubo/trajectory_{index}.h5",
    log:
        "<logs>/green_kubo_trajectory/{material}_{index}.log",
    benchmark:
        "<benchmarks>/green_kubo_trajectory/{material}_{index}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000, "green_kubo_trajectory", "phonon", 1),
        runtime=minutes(1440, "green_kubo_trajectory", "phonon", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        # the analysis may change without another trajectory
        green_kubo=moves_of_green_kubo(),
        root=CAMPAIGN.seed,
        scratch=lambda wildcards: f"{RESULTS}/{wildcards.material}/scratch/green_kubo",
    message:
        "{wildcards.material}: heat flux along trajectory {wildcards.index}"
    script:
        "../scripts/green_kubo_trajectory.py"


rule green_kubo:
    input:
        trajectories=trajectories_of,
        members=expand(
            "<results>/{material}/model/member_{member}.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        engine=engine_of,
        primitive="<results>/{material}/structure/primitive.extxyz",
    output:
        record="<results>/{material}/green_kubo.json",
        series="<results>/{material}/green_kubo/series.h5",
    log:
        "<logs>/green_kubo/{material}.log",
    benchmark:
        "<benchmarks>/green_kubo/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000, "green_kubo", "phonon", 1),
        runtime=minutes(60, "green_kubo", "phonon", 1),
    params:
        green_kubo=plain(CAMPAIGN.green_kubo) if CAMPAIGN.green_kubo else None,
        displacement=CAMPAIGN.phonons.displacement,
    message:
        "{wildcards.material}: κ from the heat flux, lifetimes and the size correction"
    script:
        "../scripts/green_kubo.py"


# The middle way: force constants that describe the forces along the dynamics best, then the
# Boltzmann equation with them.
rule effective_conductivity:
    input:
        trajectories=trajectories_of,
        members=expand(
            "<results>/{material}/model/member_{member}.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        engine=engine_of,
        primitive="<results>/{material}/structure/primitive.extxyz",
    output:
        record="<results>/{material}/effective.json",
        modes="<results>/{material}/green_kubo/effective.modes.hdf5",
    log:
        "<logs>/effective_conductivity/{material}.log",
    benchmark:
        "<benchmarks>/effective_conductivity/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(8000, "effective_conductivity", "phonon", 2),
        runtime=minutes(240, "effective_conductivity", "phonon", 2),
    params:
        phonons=plain(CAMPAIGN.phonons),
        conductivity=plain(CAMPAIGN.conductivity),
        effective=effective_frames(),
    message:
        "{wildcards.material}: κ with temperature-dependent effective force constants"
    script:
        "../scripts/effective_conductivity.py"
