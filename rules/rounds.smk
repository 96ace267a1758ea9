rule round_conductivity:
    input:
        model="<results>/{material}/round_{round}/member_{member}/model.ckpt",
        dataset="<results>/{material}/round_{round}/dataset.extxyz",
        primitive="<results>/{material}/structure/primitive.extxyz",
        phonon="<results>/{material}/structure/phonon.extxyz",
    output:
        record="<results>/{material}/round_{round}/conductivity/member_{member}.json",
        fc2="<results>/{material}/round_{round}/conductivity/member_{member}.fc2.hdf5",
    log:
        "<logs>/round_conductivity/{material}_{round}_{member}.log",
    benchmark:
        "<benchmarks>/round_conductivity/{material}_{round}_{member}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000, "round_conductivity", "phonon", 2),
        runtime=minutes(120, "round_conductivity", "phonon", 2),
    params:
        phonons=plain(CAMPAIGN.phonons),
        taylor=plain(CAMPAIGN.potential.taylor),
        conductivity=plain(CAMPAIGN.conductivity),
        mesh=CAMPAIGN.conductivity.round_mesh,
    message:
        "{wildcards.material} round {wildcards.round}: κ of member {wildcards.member} on the coarse mesh"
    script:
        "../scripts/conductivity_member.py"


# The verdict of a round is never an input of a later round: a verdict made again would restart
# everything after it. Only targets and final results ask for verdicts (rules/common.smk).
checkpoint assess:
    input:
        committee="<results>/{material}/round_{round}/committee.json",
        exploration="<results>/{material}/round_{round}/exploration.h5",
        candidates="<results>/{material}/round_{round}/candidates.extxyz",
        acquisition="<results>/{material}/round_{round}/acquisition.json",
        labels=expand(
            "<results>/{material}/round_{round}/labels/{chunk}.extxyz",
            chunk=CHUNKS,
            allow_missing=True,
        ),
        failed=expand(
            "<results>/{material}/round_{round}/labels/{chunk}.failed.json",
            chunk=CHUNKS,
            allow_missing=True,
        ),
        kappa=(
            expand(
                "<results>/{material}/round_{round}/conductivity/member_{member}.json",
                member=MEMBERS,
                allow_missing=True,
            )
            if "kappa" in CAMPAIGN.rounds.physics
            else []
        ),
        previous_kappa=kappa_of_previous_round,
        previous=exploration_of_previous_round,
    output:
        "<results>/{material}/round_{round}/assessment.json",
    log:
        "<logs>/assess/{material}_{round}.log",
    benchmark:
        "<benchmarks>/assess/{material}_{round}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    params:
        acquisition=plain(CAMPAIGN.acquisition),
        rounds=plain(CAMPAIGN.rounds),
        verdict=plain(CAMPAIGN.verdict),
    message:
        "{wildcards.material} round {wildcards.round}: is it done?"
    script:
        "../scripts/assess.py"


rule model:
    input:
        members=of_members_of_last_round("model.ckpt"),
        committee=of_last_round("committee.json"),
    output:
        members=expand(
            "<results>/{material}/model/member_{member}.ckpt", member=MEMBERS, allow_missing=True
        ),
        committee="<results>/{material}/model/committee.json",
    log:
        "<logs>/model/{material}.log",
    benchmark:
        "<benchmarks>/model/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: the committee of the last round"
    script:
        "../scripts/model.py"


# What the figures and the summary need of the rounds, in two small files: with these, conductivity.json
# and phonons/ the figures can be drawn again from an archive, without a round on disk.
rule history:
    input:
        committees=of_all_rounds("committee.json"),
        assessments=of_all_rounds("assessment.json"),
        test=of_last_round("test_errors.csv"),
    output:
        history="<results>/{material}/history.json",
        test="<results>/{material}/test_errors.csv",
    log:
        "<logs>/history/{material}.log",
    benchmark:
        "<benchmarks>/history/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: committees and verdicts of all rounds in one file"
    script:
        "../scripts/history.py"


# Rare events before and after learning, and in the reference: σᴬ(t) of the first and of the last
# exploration, of ab initio MD where the seeds have some, and the labels that lie within events.
rule verdict:
    input:
        explorations=of_all_rounds("exploration.h5"),
        labels=labels_of_all_rounds,
        reference=expand(
            "<results>/{material}/seeds/aimd_{index}.extxyz",
            index=seeds_of("aimd"),
            allow_missing=True,
        ),
        first=expand(
            "<results>/{material}/round_00/member_{member}/model.ckpt",
            member=MEMBERS,
            allow_missing=True,
        ),
        last=expand(
            "<results>/{material}/model/member_{member}.ckpt", member=MEMBERS, allow_missing=True
        ),
        committee="<results>/{material}/round_00/committee.json",
        engine=engine_of,
        harmonic="<results>/{material}/structure/harmonic.h5",
    output:
        record="<results>/{material}/verdict.json",
        series="<results>/{material}/events.csv",
    log:
        "<logs>/verdict/{material}.log",
    benchmark:
        "<benchmarks>/verdict/{material}.tsv"
    retries: tries()
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(4000, "verdict", "sampling", 1),
        runtime=minutes(120, "verdict", "sampling", 1),
        gpu=int(CAMPAIGN.resources.gpu),
    params:
        verdict=plain(CAMPAIGN.verdict),
    message:
        "{wildcards.material}: sound, a missed event, or a false one?"
    script:
        "../scripts/verdict.py"
