# Phonon fine-tuning: only where the campaign asks for it is there a stage between the ordinary
# training of a member (ordinary.ckpt) and its model.
if CAMPAIGN.finetune:

    rule curvature_labels:
        input:
            primitive="<results>/{material}/structure/primitive.extxyz",
            perfect=f"<results>/{{material}}/structure/{CAMPAIGN.finetune.supercell}.extxyz",
            structure="<results>/{material}/structure/structure.json",
            file=curvature_file,
        output:
            labels="<results>/{material}/curvature/labels.h5",
            record="<results>/{material}/curvature/labels.json",
        log:
            "<logs>/curvature_labels/{material}.log",
        benchmark:
            "<benchmarks>/curvature_labels/{material}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory(3000),
            runtime=minutes(720),
        params:
            finetune=curvature_source(),
            reference=plain(CAMPAIGN.reference),
            timeout=CAMPAIGN.resources.label_timeout,
            scratch=f"{RESULTS}/{{material}}/scratch/curvature_labels",
            ledger=f"{RESULTS}/{{material}}/ledger",
        message:
            "{wildcards.material}: second derivatives of the perfect supercell"
        script:
            "../scripts/curvature_labels.py"

    rule finetune:
        input:
            ordinary="<results>/{material}/round_{round}/member_{member}/ordinary.ckpt",
            dataset="<results>/{material}/round_{round}/dataset.extxyz",
            labels="<results>/{material}/curvature/labels.h5",
            primitive="<results>/{material}/structure/primitive.extxyz",
        output:
            model="<results>/{material}/round_{round}/member_{member}/model.ckpt",
            record="<results>/{material}/round_{round}/member_{member}/finetune.json",
        log:
            "<logs>/finetune/{material}_{round}_{member}.log",
        benchmark:
            "<benchmarks>/finetune/{material}_{round}_{member}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory(4000),
            runtime=minutes(240),
            gpu=int(CAMPAIGN.resources.gpu),
        params:
            finetune=finetune_moves(),
            committee=plain(CAMPAIGN.committee),
            root=CAMPAIGN.seed,
            scratch=f"{RESULTS}/{{material}}/scratch/finetune_{{round}}_{{member}}",
        message:
            "{wildcards.material} round {wildcards.round}: fine-tune member {wildcards.member} on curvature"
        script:
            "../scripts/finetune.py"
