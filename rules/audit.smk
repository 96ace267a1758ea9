# The audit of κ, per round and only of rounds that are finished (common.smk: last_round): frames of the
# ensembles that κ comes from, labelled and not learned from. Where it fails, its labels train the next
# round: through audit/lesson.extxyz, which the job writes beside its declared output, so that there is
# no cycle and no later change of the audit restarts a round (umklapp/campaign/audits.py).
if CAMPAIGN.audited:

    rule audit_frames:
        input:
            unpack(moved_potential),
            members=expand(MEMBER.model, member=MEMBERS, allow_missing=True),
            committee=ROUND.committee,
            dataset=ROUND.dataset,
            held_back=[SEEDS.calibration, SEEDS.test],
            trajectories=REQUESTS.trajectories,
            engine=ancient(REQUESTS.engine),
            primitive=MATERIAL.primitive,
            sampling=MATERIAL.sampling,
            phonon=MATERIAL.phonon,
        output:
            candidates=ROUND.audit_stage.candidates,
            predictions=ROUND.audit_predictions,
        log:
            "<logs>/audit_frames/{material}_{round}.log",
        benchmark:
            "<benchmarks>/audit_frames/{material}_{round}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("audit_frames", 4000, "phonon", 2),
            runtime=minutes("audit_frames", 60, "phonon", 1.5),
            gpu=int(CAMPAIGN.resources.gpu),
        params:
            audit=PARAMETERS.audit_draw(),
            phonons=PARAMETERS.audited_phonons(),
            taylor=PARAMETERS.correction(),
            green_kubo=PARAMETERS.audited_dynamics(),
            reference=plain(CAMPAIGN.reference),
            root=CAMPAIGN.seed,
        message:
            "{wildcards.material} round {wildcards.round}: frames to audit κ with"
        script:
            "../scripts/audit_frames.py"

    use rule label as label_audit with:
        input:
            candidates=ROUND.audit_stage.candidates,
            sampling=MATERIAL.sampling,
        output:
            labels=ROUND.audit_stage.labels(),
            failed=ROUND.audit_stage.failed(),
        log:
            "<logs>/label_audit/{material}_{round}_{chunk}.log",
        benchmark:
            "<benchmarks>/label_audit/{material}_{round}_{chunk}.tsv"
        resources:
            mem_mb=memory("label_audit", 3000, "phonon", 1.5),
            runtime=minutes("label_audit", 720, "phonon", 2),
        params:
            reference=plain(CAMPAIGN.reference),
            chunks=CAMPAIGN.resources.label_chunks,
            timeout=PARAMETERS.label_timeout(),
            tries=PARAMETERS.label_tries(),
            scratch=MATERIAL.scratch("round_{round}_label_audit_{chunk}"),
            ledger=MATERIAL.ledger,
        message:
            "{wildcards.material} round {wildcards.round}: labels of the audit, chunk {wildcards.chunk}"

    checkpoint audit:
        input:
            predictions=ROUND.audit_predictions,
            labels=expand(ROUND.audit_stage.labels(), chunk=CHUNKS, allow_missing=True),
        output:
            ROUND.audit,
        log:
            "<logs>/audit/{material}_{round}.log",
        benchmark:
            "<benchmarks>/audit/{material}_{round}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("audit", 1000),
            runtime=minutes("audit", 10),
        params:
            audit=plain(CAMPAIGN.audit),
            rounds=plain(CAMPAIGN.rounds, include={"force_error", "calibration_band"}),
            temperatures=PARAMETERS.audit_temperatures(),
            lesson=[ROUND.lesson, ROUND.lesson_record],
        message:
            "{wildcards.material} round {wildcards.round}: may κ be trusted?"
        script:
            "../scripts/audit.py"

    rule audited:
        input:
            lambda wildcards: final_round(wildcards).audit,
        output:
            MATERIAL.audit,
        log:
            "<logs>/audited/{material}.log",
        benchmark:
            "<benchmarks>/audited/{material}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("audited", 1000),
            runtime=minutes("audited", 10),
        message:
            "{wildcards.material}: the audit of its κ"
        script:
            "../scripts/audited.py"
