from umklapp.campaign import figure_files


rule figure_learning_curve:
    input:
        history=MATERIAL.history,
        baseline=REQUESTS.baseline,
    output:
        png=report(
            FIGURES.png("learning_curve"),
            caption="../report/learning_curve.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Learning curve"},
        ),
        pdf=FIGURES.pdf("learning_curve"),
        csv=FIGURES.csv("learning_curve"),
    log:
        "<logs>/figure_learning_curve/{material}.log",
    benchmark:
        "<benchmarks>/figure_learning_curve/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_learning_curve", 1000),
        runtime=minutes("figure_learning_curve", 10),
    message:
        "{wildcards.material}: figure, errors against the number of labels"
    script:
        "../scripts/figure_learning_curve.py"


rule figure_uncertainty:
    input:
        test=MATERIAL.test_errors,
        history=MATERIAL.history,
    output:
        png=report(
            FIGURES.png("uncertainty"),
            caption="../report/uncertainty.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Uncertainty"},
        ),
        pdf=FIGURES.pdf("uncertainty"),
        csv=FIGURES.csv("uncertainty"),
    log:
        "<logs>/figure_uncertainty/{material}.log",
    benchmark:
        "<benchmarks>/figure_uncertainty/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_uncertainty", 1000),
        runtime=minutes("figure_uncertainty", 10),
    params:
        bound=CAMPAIGN.acquisition.bound(CAMPAIGN.rounds.force_error),
    message:
        "{wildcards.material}: figure, uncertainty against true error, and what is labelled"
    script:
        "../scripts/figure_uncertainty.py"


rule figure_lifetimes:
    input:
        MATERIAL.lifetimes,
    output:
        png=report(
            FIGURES.png("lifetimes"),
            caption="../report/lifetimes.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Lifetimes"},
        ),
        pdf=FIGURES.pdf("lifetimes"),
        csv=FIGURES.csv("lifetimes"),
    log:
        "<logs>/figure_lifetimes/{material}.log",
    benchmark:
        "<benchmarks>/figure_lifetimes/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_lifetimes", 1000),
        runtime=minutes("figure_lifetimes", 10),
    message:
        "{wildcards.material}: figure, phonon lifetimes before and after learning"
    script:
        "../scripts/figure_lifetimes.py"


rule figure_finetune:
    input:
        MATERIAL.history,
    output:
        png=report(
            FIGURES.png("finetune"),
            caption="../report/finetune.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Fine-tuning"},
        ),
        pdf=FIGURES.pdf("finetune"),
        csv=FIGURES.csv("finetune"),
    log:
        "<logs>/figure_finetune/{material}.log",
    benchmark:
        "<benchmarks>/figure_finetune/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_finetune", 1000),
        runtime=minutes("figure_finetune", 10),
    message:
        "{wildcards.material}: figure, members before and after fine-tuning"
    script:
        "../scripts/figure_finetune.py"


rule figure_events:
    input:
        series=MATERIAL.events,
        record=MATERIAL.verdict,
    output:
        png=report(
            FIGURES.png("events"),
            caption="../report/events.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Events"},
        ),
        pdf=FIGURES.pdf("events"),
        csv=FIGURES.csv("events"),
    log:
        "<logs>/figure_events/{material}.log",
    benchmark:
        "<benchmarks>/figure_events/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_events", 1000),
        runtime=minutes("figure_events", 10),
    message:
        "{wildcards.material}: figure, anharmonicity, error and uncertainty in time"
    script:
        "../scripts/figure_events.py"


rule figure_green_kubo:
    input:
        record=MATERIAL.green_kubo,
        series=MATERIAL.heat_flux,
    output:
        png=report(
            FIGURES.png("green_kubo"),
            caption="../report/green_kubo.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Green–Kubo"},
        ),
        pdf=FIGURES.pdf("green_kubo"),
        csv=FIGURES.csv("green_kubo"),
    log:
        "<logs>/figure_green_kubo/{material}.log",
    benchmark:
        "<benchmarks>/figure_green_kubo/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_green_kubo", 1000),
        runtime=minutes("figure_green_kubo", 10),
    message:
        "{wildcards.material}: figure, Green–Kubo integral, spectrum and convergence"
    script:
        "../scripts/figure_green_kubo.py"


rule figure_elastic:
    input:
        MATERIAL.elastic,
    output:
        png=report(
            FIGURES.png("elastic"),
            caption="../report/elastic.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Elastic constants"},
        ),
        pdf=FIGURES.pdf("elastic"),
        csv=FIGURES.csv("elastic"),
    log:
        "<logs>/figure_elastic/{material}.log",
    benchmark:
        "<benchmarks>/figure_elastic/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_elastic", 1000),
        runtime=minutes("figure_elastic", 10),
    message:
        "{wildcards.material}: figure, elastic constants"
    script:
        "../scripts/figure_elastic.py"


rule comparison:
    input:
        conductivity=of_rounds(MATERIAL.conductivity),
        error_budget=of_rounds(REQUESTS.error_budget),
        green_kubo=of_rounds(REQUESTS.green_kubo),
        effective=of_rounds(REQUESTS.effective),
        srme=of_rounds(REQUESTS.srme),
        baseline=REQUESTS.baseline,
        corrected_baseline=of_rounds(REQUESTS.corrected_baseline),
        verdict=of_rounds(MATERIAL.verdict),
        history=of_rounds(MATERIAL.history),
        audit=of_rounds(final_audit),
        stop=end_without_rounds,
    output:
        record=MATERIAL.comparison,
        page=MATERIAL.comparison_page,
        png=report(
            FIGURES.png("comparison"),
            caption="../report/comparison.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Comparison"},
        ),
        pdf=FIGURES.pdf("comparison"),
        csv=FIGURES.csv("comparison"),
    log:
        "<logs>/comparison/{material}.log",
    benchmark:
        "<benchmarks>/comparison/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("comparison", 1000),
        runtime=minutes("comparison", 10),
    message:
        "{wildcards.material}: κ by every method, and which to trust"
    script:
        "../scripts/comparison.py"


rule figure_bands:
    input:
        bands=MATERIAL.bands,
    output:
        png=report(
            FIGURES.png("bands"),
            caption="../report/bands.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Phonons"},
        ),
        pdf=FIGURES.pdf("bands"),
        csv=FIGURES.csv("bands"),
    log:
        "<logs>/figure_bands/{material}.log",
    benchmark:
        "<benchmarks>/figure_bands/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_bands", 1000),
        runtime=minutes("figure_bands", 10),
    message:
        "{wildcards.material}: figure, phonon bands of the committee"
    script:
        "../scripts/figure_bands.py"


rule figure_kappa:
    input:
        conductivity=MATERIAL.conductivity,
        error_budget=REQUESTS.error_budget,
    output:
        png=report(
            FIGURES.png("kappa"),
            caption="../report/kappa.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Conductivity"},
        ),
        pdf=FIGURES.pdf("kappa"),
        csv=FIGURES.csv("kappa"),
    log:
        "<logs>/figure_kappa/{material}.log",
    benchmark:
        "<benchmarks>/figure_kappa/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("figure_kappa", 1000),
        runtime=minutes("figure_kappa", 10),
    message:
        "{wildcards.material}: figure, κ against temperature"
    script:
        "../scripts/figure_kappa.py"


rule material_summary:
    input:
        history=of_rounds(MATERIAL.history),
        conductivity=of_rounds(MATERIAL.conductivity),
        error_budget=of_rounds(REQUESTS.error_budget),
        thermodynamics=of_rounds(MATERIAL.thermodynamics),
        verdict=of_rounds(MATERIAL.verdict),
        green_kubo=of_rounds(REQUESTS.green_kubo),
        elastic=of_rounds(REQUESTS.elastic),
        baseline=REQUESTS.baseline,
        corrected_baseline=of_rounds(REQUESTS.corrected_baseline),
        stop=end_without_rounds,
    output:
        MATERIAL.summary,
    log:
        "<logs>/material_summary/{material}.log",
    benchmark:
        "<benchmarks>/material_summary/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory("material_summary", 1000),
        runtime=minutes("material_summary", 10),
    message:
        "{wildcards.material}: one row of the summary"
    script:
        "../scripts/material_summary.py"


# The same figure of every material, and every figure of one material: neither asks for an assessment.
for name, paths in figure_files.by_name(CAMPAIGN, RESULTS, MATERIALS).items():

    rule:
        name:
            f"figures_{name}"
        input:
            paths,


for material in MATERIALS:

    rule:
        name:
            f"figures_{material}"
        input:
            REQUESTS.figures_of(material),
