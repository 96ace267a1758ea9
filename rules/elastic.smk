# Elastic constants by the engine that labels: every strained cell is a label and goes to the ledger.
rule elastic_reference:
    input:
        elastic_cell,
    output:
        "<results>/{material}/elastic/reference.json",
    log:
        "<logs>/elastic_reference/{material}.log",
    benchmark:
        "<benchmarks>/elastic_reference/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000),
        runtime=minutes(1440),
    params:
        elastic=plain(CAMPAIGN.elastic) if CAMPAIGN.elastic else None,
        reference=plain(CAMPAIGN.reference),
        timeout=CAMPAIGN.resources.label_timeout,
        ledger=f"{RESULTS}/{{material}}/ledger",
        scratch=f"{RESULTS}/{{material}}/scratch/elastic_reference",
    message:
        "{wildcards.material}: elastic constants of the reference engine"
    script:
        "../scripts/elastic_reference.py"


rule elastic:
    input:
        models=expand(
            "<results>/{material}/model/member_{member}.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        cell=elastic_cell,
        reference=elastic_reference,
    output:
        "<results>/{material}/elastic.json",
    log:
        "<logs>/elastic/{material}.log",
    benchmark:
        "<benchmarks>/elastic/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000),
        runtime=minutes(120),
    params:
        elastic=plain(CAMPAIGN.elastic) if CAMPAIGN.elastic else None,
        scratch=f"{RESULTS}/{{material}}/scratch/elastic",
    message:
        "{wildcards.material}: elastic constants and stability of every member"
    script:
        "../scripts/elastic.py"
