rule label:
    input:
        candidates="<results>/{material}/{stage}/candidates.extxyz",
        sampling="<results>/{material}/structure/sampling.extxyz",
    output:
        labels="<results>/{material}/{stage}/labels/{chunk}.extxyz",
        failed="<results>/{material}/{stage}/labels/{chunk}.failed.json",
    log:
        "<logs>/label/{material}_{stage}_{chunk}.log",
    benchmark:
        "<benchmarks>/label/{material}_{stage}_{chunk}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(3000, "label", "sampling", 1.5),
        runtime=minutes(720, "label", "sampling", 2),
    params:
        reference=plain(CAMPAIGN.reference),
        chunks=CAMPAIGN.resources.label_chunks,
        timeout=CAMPAIGN.resources.label_timeout,
        scratch=f"{RESULTS}/{{material}}/scratch/{{stage}}_label_{{chunk}}",
        ledger=f"{RESULTS}/{{material}}/ledger",
    message:
        "{wildcards.material} {wildcards.stage}: reference labels, chunk {wildcards.chunk}"
    script:
        "../scripts/label.py"
