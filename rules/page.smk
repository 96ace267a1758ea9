# The report that people read first: one html page of all materials. `umklapp report` writes the same
# page at any time, also of a campaign that is running or has failed.
if not SHARD:

    rule report_page:
        input:
            tables,
            [RESULTS.material(material).comparison for material in MATERIALS],
            figures_of_run,
        output:
            RESULTS.page,
        log:
            "<logs>/report_page.log",
        benchmark:
            "<benchmarks>/report_page.tsv"
        localrule: True
        conda:
            ENVIRONMENT
        threads: 1
        resources:
            mem_mb=memory("report_page", 1000),
            runtime=minutes("report_page", 30),
        message:
            "The report: one page of all materials"
        script:
            "../scripts/report_page.py"
