# Is a nearly harmonic crystal done without rounds? The foundation model, corrected by a few labels, is
# tested by a few more; only with `foundation.stop`, and only before the first round of a material
# (common.smk: ends_early). The labels reach the rounds through stop/labels.extxyz, which the job writes
# beside its declared output: a changed rule never restarts a round (umklapp/campaign/stops.py).
if STOPS.settings:

    # What the rule says of every material: a target.
    rule stops:
        input:
            [RESULTS.material(material).stop for material in MATERIALS if STOPS.asks(material)],

    rule stop_frames:
        input:
            baseline=MATERIAL.baseline,
            phonon=MATERIAL.phonon,
        output:
            correction=MATERIAL.stop_stage("correction").candidates,
            check=MATERIAL.stop_stage("check").candidates,
        log:
            "<logs>/stop_frames/{material}.log",
        benchmark:
            "<benchmarks>/stop_frames/{material}.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("stop_frames", 1000),
            runtime=minutes("stop_frames", 10),
        params:
            rule=PARAMETERS.stop("labels", "check", "sigma"),
            length=CAMPAIGN.phonons.random_amplitude,
            root=CAMPAIGN.seed,
        message:
            "{wildcards.material}: frames to correct the foundation model with"
        script:
            "../scripts/stop_frames.py"

    use rule label as label_stop with:
        input:
            candidates=MATERIAL.stop_stage().candidates,
            sampling=MATERIAL.sampling,
        output:
            labels=MATERIAL.stop_stage().labels(),
            failed=MATERIAL.stop_stage().failed(),
        log:
            "<logs>/label_stop/{material}_{part}_{chunk}.log",
        benchmark:
            "<benchmarks>/label_stop/{material}_{part}_{chunk}.tsv"
        wildcard_constraints:
            part="correction|check|audit",
        resources:
            mem_mb=memory("label_stop", 3000, "phonon", 1.5),
            runtime=minutes("label_stop", 720, "phonon", 2),
        params:
            reference=plain(CAMPAIGN.reference),
            chunks=CAMPAIGN.resources.label_chunks,
            timeout=PARAMETERS.label_timeout(),
            tries=PARAMETERS.label_tries(),
            scratch=MATERIAL.scratch("stop_{part}_label_{chunk}"),
            ledger=MATERIAL.ledger,
        message:
            "{wildcards.material}: labels of the stop rule ({wildcards.part}), chunk {wildcards.chunk}"

    rule stop_audit:
        input:
            cells=[MATERIAL.primitive, MATERIAL.phonon],
            labels=expand(
                MATERIAL.stop_stage("correction").labels(), chunk=CHUNKS, allow_missing=True
            ),
        output:
            candidates=MATERIAL.stop_stage("audit").candidates,
            predictions=MATERIAL.stop_predictions,
        log:
            "<logs>/stop_audit/{material}.log",
        benchmark:
            "<benchmarks>/stop_audit/{material}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("stop_audit", 6000, "phonon", 2),
            runtime=minutes("stop_audit", 60, "phonon", 2),
        params:
            foundation=PARAMETERS.baseline(),
            phonons=PARAMETERS.stop_phonons(),
            conductivity=PARAMETERS.kappa(),
            taylor=PARAMETERS.prior(),
            rule=PARAMETERS.stop("audit"),
            temperature=PARAMETERS.stop_audit()["temperature"],
            root=CAMPAIGN.seed,
        message:
            "{wildcards.material}: frames to test the corrected foundation model with"
        script:
            "../scripts/stop_audit.py"

    checkpoint stop:
        input:
            **{
                part: expand(MATERIAL.stop_stage(part).labels(), chunk=CHUNKS, allow_missing=True)
                for part in ("correction", "check", "audit")
            },
            cells=[MATERIAL.primitive, MATERIAL.phonon],
            born=MATERIAL.born,
            baseline=MATERIAL.baseline,
            predictions=MATERIAL.stop_predictions,
            table=ancient(CAMPAIGN.materials.table),
            failed=expand(
                MATERIAL.stop_stage().failed(),
                part=["correction", "check", "audit"],
                chunk=CHUNKS,
                allow_missing=True,
            ),
        output:
            MATERIAL.stop,
        log:
            "<logs>/stop/{material}.log",
        benchmark:
            "<benchmarks>/stop/{material}.tsv"
        retries: tries()
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("stop", 6000, "phonon", 2),
            runtime=minutes("stop", 120, "phonon", 2, CAMPAIGN.conductivity.mesh),
        params:
            foundation=PARAMETERS.baseline(),
            phonons=PARAMETERS.baseline_phonons(),
            conductivity=PARAMETERS.kappa("mesh", "round_mesh"),
            taylor=PARAMETERS.prior(),
            rule=PARAMETERS.stop("labels", "check", "audit", "sigma", "error"),
            audit=PARAMETERS.stop_audit(),
            rounds=plain(CAMPAIGN.rounds, include={"force_error", "calibration_band"}),
            reference=plain(CAMPAIGN.reference),
            labels=MATERIAL.stop_labels,
            root=CAMPAIGN.seed,
        message:
            "{wildcards.material}: is it done without rounds?"
        script:
            "../scripts/stop.py"
