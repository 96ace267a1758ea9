def materials_of(wildcards):
    """The section `materials` as one material sees it: another one's change does not rerun it."""
    return plain(CAMPAIGN.materials.of(wildcards.material))


def recipe_of(wildcards):
    """What the primitive cell is built from: a changed lattice parameter reruns its material."""
    chosen = CAMPAIGN.materials
    if chosen.cells is not None:
        return {}
    return prototypes.recipe(TABLE.loc[wildcards.material], chosen.structures)


rule structure:
    input:
        table=ancient(CAMPAIGN.materials.table),
    output:
        primitive="<results>/{material}/structure/primitive.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
        record="<results>/{material}/structure/structure.json",
    log:
        "<logs>/structure/{material}.log",
    benchmark:
        "<benchmarks>/structure/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(2000, "structure", "primitive", 1.5),
        runtime=minutes(60, "structure", "primitive", 2),
    params:
        materials=materials_of,
        recipe=recipe_of,
        reference=plain(CAMPAIGN.reference),
        scratch=f"{RESULTS}/{{material}}/scratch/structure",
    message:
        "{wildcards.material}: build and relax the primitive cell, make the supercells"
    script:
        "../scripts/structure.py"
