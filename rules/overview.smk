# From the literature table alone: made in seconds, before anything has run.
rule figure_overview:
    input:
        CAMPAIGN.materials.table,
    output:
        law=report(
            "<results>/figures/overview/kappa_sigma.png",
            caption="../report/kappa_sigma.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "literature", "figure": "κ against σᴬ"},
        ),
        law_pdf="<results>/figures/overview/kappa_sigma.pdf",
        screening=report(
            "<results>/figures/overview/screening.png",
            caption="../report/screening.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "literature", "figure": "Screening"},
        ),
        screening_pdf="<results>/figures/overview/screening.pdf",
        csv="<results>/figures/overview/screening.csv",
    log:
        "<logs>/figure_overview.log",
    benchmark:
        "<benchmarks>/figure_overview.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "Figures of the screening from the literature table"
    script:
        "../scripts/figure_overview.py"


rule figure_campaign:
    input:
        table=CAMPAIGN.materials.table,
        summary="<results>/summary.csv",
    output:
        png=report(
            "<results>/figures/overview/campaign.png",
            caption="../report/campaign.rst",
            category="Figures",
            subcategory="Overview",
            labels={"material": "all", "figure": "κ of this campaign against σᴬ"},
        ),
        pdf="<results>/figures/overview/campaign.pdf",
        csv="<results>/figures/overview/campaign.csv",
    log:
        "<logs>/figure_campaign.log",
    benchmark:
        "<benchmarks>/figure_campaign.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "Figure, κ of this campaign against σᴬ"
    script:
        "../scripts/figure_campaign.py"
