# What a foundation model says of every material, before the first label: a target.
rule baselines:
    input:
        REQUESTS.baselines(),


# What a foundation model says before the first label; only with a section `foundation`.
rule baseline:
    input:
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        MATERIAL.baseline,
    log:
        "<logs>/baseline/{material}.log",
    benchmark:
        "<benchmarks>/baseline/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("baseline", 6000, "phonon", 2),
        runtime=minutes("baseline", 60, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        foundation=PARAMETERS.baseline(),
        phonons=PARAMETERS.baseline_phonons(),
        conductivity=PARAMETERS.kappa("mesh"),
        scratch=MATERIAL.scratch("baseline"),
    message:
        "{wildcards.material}: κ by a foundation model, without any label"
    script:
        "../scripts/baseline.py"


rule corrected_baseline:
    input:
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
        dataset=lambda wildcards: final_round(wildcards).dataset,
    output:
        MATERIAL.corrected_baseline,
    log:
        "<logs>/corrected_baseline/{material}.log",
    benchmark:
        "<benchmarks>/corrected_baseline/{material}.tsv"
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("corrected_baseline", 6000, "phonon", 2),
        runtime=minutes("corrected_baseline", 120, "phonon", 2, CAMPAIGN.conductivity.mesh),
    params:
        foundation=PARAMETERS.baseline(),
        phonons=PARAMETERS.baseline_phonons(),
        conductivity=PARAMETERS.kappa("mesh"),
        taylor=PARAMETERS.prior(),
    message:
        "{wildcards.material}: κ by a foundation model and the labels in the phonon supercell"
    script:
        "../scripts/corrected_baseline.py"
