# What goes wrong on a cluster, one rule each; every rule writes down how often and how it was run.
# `tries` and growing memory are as in rules/common.smk.
def tries():
    return 2 if workflow.is_main_process else 0


def memory(start):
    return lambda wildcards, attempt: start * attempt


NOTE = "echo {resources.mem_mb} >> runs/{rule}; "


rule all:
    input:
        expand("{name}.out", name=["fails", "hungry", "late", "cancelled", "steady", "gpu"]),


rule fails:
    output:
        "fails.out",
    retries: tries()
    resources:
        mem_mb=memory(500),
    shell:
        NOTE + "exit 3"


# Fits into the memory of the second attempt.
rule hungry:
    output:
        "hungry.out",
    retries: tries()
    resources:
        mem_mb=memory(700),
    shell:
        NOTE + "python -c 'import time; b = bytearray(800 * 2**20); time.sleep(12)'; touch {output}"


# Takes longer than its minute once.
rule late:
    output:
        "late.out",
    retries: tries()
    resources:
        mem_mb=500,
        runtime=1,
    shell:
        NOTE + "[ $(wc -l < runs/{rule}) -gt 1 ] || sleep 300; touch {output}"


rule cancelled:
    output:
        "cancelled.out",
    retries: tries()
    resources:
        mem_mb=500,
    shell:
        NOTE + "[ $(wc -l < runs/{rule}) -gt 1 ] || sleep 300; touch {output}"


# Runs while the controller is away.
rule steady:
    output:
        "steady.out",
    retries: tries()
    resources:
        mem_mb=500,
    shell:
        NOTE + "sleep 25; touch {output}"


rule gpu:
    output:
        "gpu.out",
    retries: tries()  # the controller may be restarted while this job starts
    resources:
        mem_mb=500,
        gpu=1,
    shell:
        NOTE + "echo ${{CUDA_VISIBLE_DEVICES:-none}} > {output}"
