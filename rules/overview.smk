from umklapp.campaign import figure_files


# A target that needs nothing but the literature table.
rule overview:
    input:
        OVERVIEW.png("kappa_sigma"),


# From the literature table alone: made in seconds, before anything has run.
rule figure_overview:
    input:
        CAMPAIGN.materials.table,
    output:
        law=report(
            OVERVIEW.png("kappa_sigma"),
            caption="../report/kappa_sigma.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "literature", "figure": "κ against σᴬ"},
        ),
        law_pdf=OVERVIEW.pdf("kappa_sigma"),
        screening=report(
            OVERVIEW.png("screening"),
            caption="../report/screening.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "literature", "figure": "Screening"},
        ),
        screening_pdf=OVERVIEW.pdf("screening"),
        csv=OVERVIEW.csv("screening"),
    log:
        "<logs>/figure_overview.log",
    benchmark:
        "<benchmarks>/figure_overview.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_overview", 1000),
        runtime=minutes("figure_overview", 10),
    message:
        "Figures of the screening from the literature table"
    script:
        "../scripts/figure_overview.py"


rule figure_campaign:
    input:
        table=CAMPAIGN.materials.table,
        summary=RESULTS.summary,
    output:
        png=report(
            OVERVIEW.png("campaign"),
            caption="../report/campaign.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "κ of this campaign against σᴬ"},
        ),
        pdf=OVERVIEW.pdf("campaign"),
        csv=OVERVIEW.csv("campaign"),
    log:
        "<logs>/figure_campaign.log",
    benchmark:
        "<benchmarks>/figure_campaign.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_campaign", 1000),
        runtime=minutes("figure_campaign", 10),
    message:
        "Figure, κ of this campaign against σᴬ"
    script:
        "../scripts/figure_campaign.py"


# From the verdicts and the summary alone, so also from an archive. A material that is done without rounds
# has no verdict: nothing has searched for events.
rule figure_study:
    input:
        table=CAMPAIGN.materials.table,
        summary=RESULTS.summary,
        verdicts=lambda wildcards: [
            RESULTS.material(material).verdict for material in STOPS.others(MATERIALS)
        ],
        green_kubo=lambda wildcards: [
            RESULTS.material(material).green_kubo
            for material in STOPS.others(MATERIALS)
            if CAMPAIGN.green_kubo
        ],
    output:
        sigma_parity=report(
            OVERVIEW.png("sigma_parity"),
            caption="../report/sigma_parity.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "σᴬ against published values"},
        ),
        event_share=report(
            OVERVIEW.png("event_share"),
            caption="../report/event_share.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "Share of time in rare events"},
        ),
        flagged=report(
            OVERVIEW.png("flagged"),
            caption="../report/flagged.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "Flagged materials"},
        ),
        kappa_parity=report(
            OVERVIEW.png("kappa_parity"),
            caption="../report/kappa_parity.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "κ of all methods against literature"},
        ),
        spent=report(
            OVERVIEW.png("spent"),
            caption="../report/spent.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "Cost per material"},
        ),
        others=[
            path
            for name in figure_files.STUDY
            for path in (OVERVIEW.pdf(name), OVERVIEW.csv(name))
        ],
    log:
        "<logs>/figure_study.log",
    benchmark:
        "<benchmarks>/figure_study.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_study", 1000),
        runtime=minutes("figure_study", 10),
    message:
        "Figures of the study: σᴬ, events, flagged materials, κ against literature, cost"
    script:
        "../scripts/figure_study.py"


# What active learning, fine-tuning and few labels are worth, from the archived tables of the
# benchmarks (benchmarks/README.md): these figures are of umklapp, not of this campaign.
rule figure_benchmark:
    input:
        lambda wildcards: figure_files.tables(wildcards.figure),
    output:
        png=report(
            BENCHMARK_FIGURES.png("{figure}"),
            caption="../report/benchmark.rst",
            category="Figures",
            subcategory="Benchmarks",
            labels={"material": "benchmarks", "figure": "{figure}"},
        ),
        pdf=BENCHMARK_FIGURES.pdf("{figure}"),
        csv=BENCHMARK_FIGURES.csv("{figure}"),
    log:
        "<logs>/figure_benchmark/{figure}.log",
    benchmark:
        "<benchmarks>/figure_benchmark/{figure}.tsv"
    wildcard_constraints:
        figure="|".join(figure_files.BENCHMARKS),
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_benchmark", 1000),
        runtime=minutes("figure_benchmark", 10),
    message:
        "Figure of the archived benchmarks: {wildcards.figure}"
    script:
        "../scripts/figure_benchmark.py"
