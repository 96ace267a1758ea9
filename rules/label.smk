rule label:
    input:
        candidates=STAGE.candidates,
        sampling=MATERIAL.sampling,
    output:
        labels=STAGE.labels(),
        failed=STAGE.failed(),
    log:
        "<logs>/label/{material}_{stage}_{chunk}.log",
    benchmark:
        "<benchmarks>/label/{material}_{stage}_{chunk}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("label", 3000, LABELLED, 1.5),
        runtime=minutes("label", 720, LABELLED, 2),
    params:
        reference=plain(CAMPAIGN.reference),
        chunks=CAMPAIGN.resources.label_chunks,
        timeout=PARAMETERS.label_timeout(),
        tries=PARAMETERS.label_tries(),
        scratch=MATERIAL.scratch("{stage}_label_{chunk}"),
        ledger=MATERIAL.ledger,
    message:
        "{wildcards.material} {wildcards.stage}: reference labels, chunk {wildcards.chunk}"
    script:
        "../scripts/label.py"
