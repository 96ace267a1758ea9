# Elastic constants by the engine that labels: every strained cell is a label and goes to the ledger.
rule elastic_reference:
    input:
        REQUESTS.elastic_cell,
    output:
        MATERIAL.elastic_reference,
    log:
        "<logs>/elastic_reference/{material}.log",
    benchmark:
        "<benchmarks>/elastic_reference/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("elastic_reference", 4000),
        runtime=minutes("elastic_reference", 1440),
    params:
        elastic=PARAMETERS.elastic_reference(),
        reference=plain(CAMPAIGN.reference),
        timeout=PARAMETERS.label_timeout(),
        tries=PARAMETERS.label_tries(),
        ledger=MATERIAL.ledger,
        scratch=MATERIAL.scratch("elastic_reference"),
    message:
        "{wildcards.material}: elastic constants of the reference engine"
    script:
        "../scripts/elastic_reference.py"


rule elastic:
    input:
        models=expand(
            MATERIAL.final_model(),
            member=MEMBERS,
            allow_missing=True,
        ),
        engine=ancient(REQUESTS.cpu_engine),
        cell=REQUESTS.elastic_cell,
        reference=REQUESTS.elastic_reference,
    output:
        MATERIAL.elastic,
    log:
        "<logs>/elastic/{material}.log",
    benchmark:
        "<benchmarks>/elastic/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("elastic", 3000),
        runtime=minutes("elastic", 120),
    params:
        elastic=PARAMETERS.elastic(),
        scratch=MATERIAL.scratch("elastic"),
    message:
        "{wildcards.material}: elastic constants and stability of every member"
    script:
        "../scripts/elastic.py"
