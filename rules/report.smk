rule figure_learning_curve:
    input:
        "<results>/{material}/history.json",
    output:
        png=report(
            "<results>/figures/{material}/learning_curve.png",
            caption="../report/learning_curve.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Learning curve"},
        ),
        pdf="<results>/figures/{material}/learning_curve.pdf",
        csv="<results>/figures/{material}/learning_curve.csv",
    log:
        "<logs>/figure_learning_curve/{material}.log",
    benchmark:
        "<benchmarks>/figure_learning_curve/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, errors against the number of labels"
    script:
        "../scripts/figure_learning_curve.py"


rule figure_uncertainty:
    input:
        test="<results>/{material}/test_errors.csv",
        history="<results>/{material}/history.json",
    output:
        png=report(
            "<results>/figures/{material}/uncertainty.png",
            caption="../report/uncertainty.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Uncertainty"},
        ),
        pdf="<results>/figures/{material}/uncertainty.pdf",
        csv="<results>/figures/{material}/uncertainty.csv",
    log:
        "<logs>/figure_uncertainty/{material}.log",
    benchmark:
        "<benchmarks>/figure_uncertainty/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, uncertainty against true error"
    script:
        "../scripts/figure_uncertainty.py"


rule figure_events:
    input:
        series="<results>/{material}/events.csv",
        record="<results>/{material}/verdict.json",
    output:
        png=report(
            "<results>/figures/{material}/events.png",
            caption="../report/events.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Events"},
        ),
        pdf="<results>/figures/{material}/events.pdf",
        csv="<results>/figures/{material}/events.csv",
    log:
        "<logs>/figure_events/{material}.log",
    benchmark:
        "<benchmarks>/figure_events/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, anharmonicity, error and uncertainty in time"
    script:
        "../scripts/figure_events.py"


rule figure_green_kubo:
    input:
        record="<results>/{material}/green_kubo.json",
        series="<results>/{material}/green_kubo/series.h5",
    output:
        png=report(
            "<results>/figures/{material}/green_kubo.png",
            caption="../report/green_kubo.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Green–Kubo"},
        ),
        pdf="<results>/figures/{material}/green_kubo.pdf",
        csv="<results>/figures/{material}/green_kubo.csv",
    log:
        "<logs>/figure_green_kubo/{material}.log",
    benchmark:
        "<benchmarks>/figure_green_kubo/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, Green–Kubo integral, spectrum and convergence"
    script:
        "../scripts/figure_green_kubo.py"


rule figure_elastic:
    input:
        "<results>/{material}/elastic.json",
    output:
        png=report(
            "<results>/figures/{material}/elastic.png",
            caption="../report/elastic.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Elastic constants"},
        ),
        pdf="<results>/figures/{material}/elastic.pdf",
        csv="<results>/figures/{material}/elastic.csv",
    log:
        "<logs>/figure_elastic/{material}.log",
    benchmark:
        "<benchmarks>/figure_elastic/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, elastic constants"
    script:
        "../scripts/figure_elastic.py"


rule comparison:
    input:
        conductivity="<results>/{material}/conductivity.json",
        green_kubo=green_kubo_of,
        effective=effective_of,
        srme=srme_of,
        verdict="<results>/{material}/verdict.json",
    output:
        record="<results>/{material}/comparison.json",
        page="<results>/{material}/comparison.md",
        png=report(
            "<results>/figures/{material}/comparison.png",
            caption="../report/comparison.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Comparison"},
        ),
        pdf="<results>/figures/{material}/comparison.pdf",
        csv="<results>/figures/{material}/comparison.csv",
    log:
        "<logs>/comparison/{material}.log",
    benchmark:
        "<benchmarks>/comparison/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: κ by every method, and which to trust"
    script:
        "../scripts/comparison.py"


rule figure_bands:
    input:
        bands="<results>/{material}/phonons/bands.h5",
    output:
        png=report(
            "<results>/figures/{material}/bands.png",
            caption="../report/bands.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Phonons"},
        ),
        pdf="<results>/figures/{material}/bands.pdf",
        csv="<results>/figures/{material}/bands.csv",
    log:
        "<logs>/figure_bands/{material}.log",
    benchmark:
        "<benchmarks>/figure_bands/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, phonon bands of the committee"
    script:
        "../scripts/figure_bands.py"


rule figure_kappa:
    input:
        conductivity="<results>/{material}/conductivity.json",
    output:
        png=report(
            "<results>/figures/{material}/kappa.png",
            caption="../report/kappa.rst",
            category="Figures",
            subcategory="{material}",
            labels={"material": "{material}", "figure": "Conductivity"},
        ),
        pdf="<results>/figures/{material}/kappa.pdf",
        csv="<results>/figures/{material}/kappa.csv",
    log:
        "<logs>/figure_kappa/{material}.log",
    benchmark:
        "<benchmarks>/figure_kappa/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: figure, κ against temperature"
    script:
        "../scripts/figure_kappa.py"


rule material_summary:
    input:
        history="<results>/{material}/history.json",
        conductivity="<results>/{material}/conductivity.json",
        thermodynamics="<results>/{material}/phonons/thermodynamics.json",
        verdict="<results>/{material}/verdict.json",
        green_kubo=green_kubo_of,
        elastic=elastic_of,
    output:
        "<results>/{material}/summary.json",
    log:
        "<logs>/material_summary/{material}.log",
    benchmark:
        "<benchmarks>/material_summary/{material}.tsv"
    localrule: True
    conda:
        ENVIRONMENT
    threads: 1
    resources:
        mem_mb=memory(1000),
        runtime=minutes(10),
    message:
        "{wildcards.material}: one row of the summary"
    script:
        "../scripts/material_summary.py"
