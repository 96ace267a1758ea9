# One model of all materials of this campaign, to start another campaign from (docs/training.md). It
# needs finished rounds and nothing here needs it: only the target `shared` asks for it, and a campaign
# whose potential.start lies in its own results is an error (umklapp/campaign/checks.py), so there is no cycle.
rule shared_model:
    input:
        [labels_of_finished(material) for material in REQUESTS.shared_materials()],
    output:
        model=RESULTS.shared.model(),
        record=RESULTS.shared.record(),
    log:
        "<logs>/shared_model/{member}.log",
    benchmark:
        "<benchmarks>/shared_model/{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("shared_model", 4000),
        runtime=minutes("shared_model", 600),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        potential=PARAMETERS.learning(),
        committee=PARAMETERS.member(),
        shared=plain(CAMPAIGN.shared),
        root=CAMPAIGN.seed,
        scratch=RESULTS.shared.scratch("member_{member}"),
    message:
        "Shared model: member {wildcards.member} on all materials"
    script:
        "../scripts/shared_model.py"
