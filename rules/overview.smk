from umklapp.campaign.requests import STUDY


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


# From the verdicts and the summary alone, so also from an archive.
rule figure_study:
    input:
        table=CAMPAIGN.materials.table,
        summary=RESULTS.summary,
        verdicts=[RESULTS.material(material).verdict for material in MATERIALS],
        green_kubo=[
            RESULTS.material(material).green_kubo for material in MATERIALS if CAMPAIGN.green_kubo
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
        others=[path for name in STUDY for path in (OVERVIEW.pdf(name), OVERVIEW.csv(name))],
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
    params:
        materials=MATERIALS,
    message:
        "Figures of the study: σᴬ, events, flagged materials, κ against literature, cost"
    script:
        "../scripts/figure_study.py"
