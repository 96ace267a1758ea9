# Phonon fine-tuning: only where the campaign asks for it is there a stage between the ordinary
# training of a member (ordinary.ckpt) and its model.
if CAMPAIGN.finetune:

    rule curvature_labels:
        input:
            primitive=MATERIAL.primitive,
            perfect=MATERIAL.supercell(CAMPAIGN.finetune.supercell),
            structure=MATERIAL.structure,
            file=REQUESTS.curvature_file,
        output:
            labels=MATERIAL.curvature,
            record=MATERIAL.curvature_record,
        log:
            "<logs>/curvature_labels/{material}.log",
        benchmark:
            "<benchmarks>/curvature_labels/{material}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("curvature_labels", 3000),
            runtime=minutes("curvature_labels", 720),
        params:
            finetune=PARAMETERS.curvature_source(),
            reference=plain(CAMPAIGN.reference),
            timeout=PARAMETERS.label_timeout(),
            tries=PARAMETERS.label_tries(),
            scratch=MATERIAL.scratch("curvature_labels"),
            ledger=MATERIAL.ledger,
        message:
            "{wildcards.material}: second derivatives of the perfect supercell"
        script:
            "../scripts/curvature_labels.py"

    rule finetune:
        input:
            ordinary=MEMBER.ordinary,
            dataset=ROUND.dataset,
            labels=MATERIAL.curvature,
            primitive=MATERIAL.primitive,
        output:
            model=MEMBER.model,
            record=MEMBER.finetune,
        log:
            "<logs>/finetune/{material}_{round}_{member}.log",
        benchmark:
            "<benchmarks>/finetune/{material}_{round}_{member}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("finetune", 4000),
            runtime=minutes("finetune", 240),
            gpu=int(CAMPAIGN.resources.gpu),
        params:
            finetune=PARAMETERS.finetuning(),
            committee=PARAMETERS.member(),
            root=CAMPAIGN.seed,
            scratch=MATERIAL.scratch("finetune_{round}_{member}"),
        message:
            "{wildcards.material} round {wildcards.round}: fine-tune member {wildcards.member} on curvature"
        script:
            "../scripts/finetune.py"
