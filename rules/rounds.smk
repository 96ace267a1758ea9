rule round_conductivity:
    input:
        model=MEMBER.model,
        engine=ancient(REQUESTS.cpu_engine),
        dataset=ROUND.dataset,
        primitive=MATERIAL.primitive,
        born=MATERIAL.born,
        phonon=MATERIAL.phonon,
    output:
        record=ROUND.conductivity().record,
        fc2=ROUND.conductivity().fc2,
        modes=ROUND.conductivity().modes,
    log:
        "<logs>/round_conductivity/{material}_{round}_{member}.log",
    benchmark:
        "<benchmarks>/round_conductivity/{material}_{round}_{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("round_conductivity", 4000, "phonon", 2),
        runtime=minutes("round_conductivity", 120, "phonon", 2, CAMPAIGN.conductivity.round_mesh),
    params:
        phonons=PARAMETERS.conductivity_phonons(),
        taylor=PARAMETERS.correction(),
        conductivity=PARAMETERS.kappa("round_mesh"),
        mesh=CAMPAIGN.conductivity.round_mesh,
    message:
        "{wildcards.material} round {wildcards.round}: κ of member {wildcards.member} on the coarse mesh"
    script:
        "../scripts/conductivity_member.py"


# The verdict of a round is never an input of a later round: a verdict made again would restart
# everything after it. Only targets and final results ask for verdicts (rules/common.smk).
checkpoint assess:
    input:
        committee=ROUND.committee,
        exploration=ROUND.exploration,
        candidates=ROUND.candidates,
        acquisition=ROUND.acquisition,
        harmonic=MATERIAL.harmonic,
        labels=expand(
            ROUND.labels(),
            chunk=CHUNKS,
            allow_missing=True,
        ),
        kappa=(
            expand(
                ROUND.conductivity().record,
                member=MEMBERS,
                allow_missing=True,
            )
            if "kappa" in CAMPAIGN.rounds.physics
            else []
        ),
        previous_kappa=REQUESTS.previous_kappa,
        previous=REQUESTS.previous_exploration,
    output:
        ROUND.assessment,
    log:
        "<logs>/assess/{material}_{round}.log",
    benchmark:
        "<benchmarks>/assess/{material}_{round}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("assess", 2000, "sampling", 1),
        runtime=minutes("assess", 30),
    params:
        acquisition=plain(CAMPAIGN.acquisition, include={"lower"}),
        rounds=plain(CAMPAIGN.rounds),
        verdict=PARAMETERS.assessed_events(),
    message:
        "{wildcards.material} round {wildcards.round}: is it done?"
    script:
        "../scripts/assess.py"


rule model:
    input:
        members=final_members,
        committee=lambda wildcards: final_round(wildcards).committee,
    output:
        members=expand(MATERIAL.final_model(), member=MEMBERS, allow_missing=True),
        committee=MATERIAL.final_committee,
    log:
        "<logs>/model/{material}.log",
    benchmark:
        "<benchmarks>/model/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("model", 1000),
        runtime=minutes("model", 10),
    message:
        "{wildcards.material}: the committee of the last round"
    script:
        "../scripts/model.py"


# What the figures and the summary need of the rounds, in two small files: with these, conductivity.json
# and phonons/ the figures can be drawn again from an archive, without a round on disk.
rule history:
    input:
        committees=lambda wildcards: [one.committee for one in all_rounds(wildcards)],
        assessments=lambda wildcards: [one.assessment for one in all_rounds(wildcards)],
        audits=audits_of_all_rounds,
        kappa=lambda wildcards: REQUESTS.kappa_of_rounds(all_rounds(wildcards)),
        test=lambda wildcards: final_round(wildcards).test_errors,
    output:
        history=MATERIAL.history,
        test=MATERIAL.test_errors,
    log:
        "<logs>/history/{material}.log",
    benchmark:
        "<benchmarks>/history/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("history", 1000),
        runtime=minutes("history", 10),
    message:
        "{wildcards.material}: committees and verdicts of all rounds in one file"
    script:
        "../scripts/history.py"


# What learning has changed of the phonons, on the coarse mesh of the rounds.
rule lifetimes:
    input:
        last=lambda wildcards: modes_of(final_round(wildcards)),
        first=first_modes,
    output:
        MATERIAL.lifetimes,
    log:
        "<logs>/lifetimes/{material}.log",
    benchmark:
        "<benchmarks>/lifetimes/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("lifetimes", 1000),
        runtime=minutes("lifetimes", 10),
    message:
        "{wildcards.material}: phonon lifetimes of the first and of the last committee"
    script:
        "../scripts/lifetimes.py"


# Rare events before and after learning, and in the reference: σᴬ(t) of the first and of the last
# exploration, of ab initio MD where the seeds have some, and the labels that lie within events.
rule events:
    input:
        explorations=lambda wildcards: [one.exploration for one in all_rounds(wildcards)],
        labels=labels_of_all_rounds,
        reference=REQUESTS.reference_dynamics,
        seeds=[
            SEEDS.train,
            SEEDS.calibration,
            SEEDS.test,
        ],
        first=expand(
            MATERIAL.round(0).member().model,
            member=MEMBERS,
            allow_missing=True,
        ),
        last=expand(MATERIAL.final_model(), member=MEMBERS, allow_missing=True),
        committee=MATERIAL.round(0).committee,
        last_committee=lambda wildcards: final_round(wildcards).committee,
        engine=ancient(REQUESTS.engine),
        harmonic=MATERIAL.harmonic,
    output:
        record=MATERIAL.event_record,
        series=MATERIAL.events,
    log:
        "<logs>/events/{material}.log",
    benchmark:
        "<benchmarks>/events/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("events", 4000, "sampling", 1),
        runtime=minutes("events", 120, "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        verdict=PARAMETERS.finding_events(),
    message:
        "{wildcards.material}: rare events in dynamics, reference and labels"
    script:
        "../scripts/events.py"


# Do labelled events last? The last committee goes on from them; rule `label` labels where that ends.
rule persistence:
    input:
        events=MATERIAL.event_record,
        labels=labels_of_all_rounds,
        members=expand(MATERIAL.final_model(), member=MEMBERS, allow_missing=True),
        engine=ancient(REQUESTS.engine),
        harmonic=MATERIAL.harmonic,
    output:
        runs=MATERIAL.persistence.runs,
        candidates=MATERIAL.persistence.candidates,
    log:
        "<logs>/persistence/{material}.log",
    benchmark:
        "<benchmarks>/persistence/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("persistence", 4000, "sampling", 1),
        runtime=minutes("persistence", 60, "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        persistence=PARAMETERS.persistence_runs(),
        exploration=PARAMETERS.persistence_dynamics(),
        root=CAMPAIGN.seed,
    message:
        "{wildcards.material}: do labelled events last?"
    script:
        "../scripts/persistence.py"


rule verdict:
    input:
        events=MATERIAL.event_record,
        runs=MATERIAL.persistence.runs,
        audit=expand(
            MATERIAL.persistence.labels(),
            chunk=CHUNKS,
            allow_missing=True,
        ),
        members=expand(MATERIAL.final_model(), member=MEMBERS, allow_missing=True),
        engine=ancient(REQUESTS.cpu_engine),
        assessment=lambda wildcards: final_round(wildcards).assessment,
    output:
        MATERIAL.verdict,
    log:
        "<logs>/verdict/{material}.log",
    benchmark:
        "<benchmarks>/verdict/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("verdict", 3000, "sampling", 1),
        runtime=minutes("verdict", 60, "sampling", 1),
    params:
        verdict=plain(CAMPAIGN.verdict),
    message:
        "{wildcards.material}: sound, a missed event, or a false one?"
    script:
        "../scripts/verdict.py"
