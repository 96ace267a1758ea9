# Which rounds are done: all that has to know `checkpoints` or `workflow`. What a job asks for is in
# umklapp/campaign (requests, parameters, job_resources), the names of all files in umklapp/paths.py.
from umklapp.campaign.assessments import Assessments
from umklapp.campaign.parameters import plain

ENVIRONMENT = "../envs/umklapp.yaml"

CAMPAIGN, SHARD, RESULTS = RUN.campaign, RUN.shard, RUN.results
REQUESTS = RUN.requests  # files that a job reads
PARAMETERS = RUN.parameters  # settings that its result depends on
memory, minutes = RUN.resources.memory, RUN.resources.minutes
MEMBERS, CHUNKS = REQUESTS.members, REQUESTS.chunks

# names of files with their wildcards
MATERIAL, FIGURES, OVERVIEW = RESULTS.material(), RESULTS.figures_of(), RESULTS.overview
SEEDS, STAGE, ROUND = MATERIAL.seeds, MATERIAL.stage(), MATERIAL.round()
MEMBER = ROUND.member()


wildcard_constraints:
    material="|".join(MATERIALS),
    round=r"\d{2}",
    stage=r"seeds|round_\d{2}|persistence",
    member=r"\d+",
    chunk=r"\d+",
    index=r"\d+",
    species=r"\d+",


# No wildcards in here: Snakemake 9.27 expands path variables after it has read the constraints of
# wildcards, so those would not hold for what comes out of a path variable.
pathvars:
    logs=RESULTS.logs,
    benchmarks=RESULTS.benchmarks,


ASSESSMENTS = Assessments(RESULTS, CAMPAIGN.rounds.max)


def tries():
    """Retries only in the main process: inside a Slurm job they would multiply."""
    return CAMPAIGN.resources.retries if workflow.is_main_process else 0


def last_round(material):
    """Number of the round in which `material` finished.

    Raises IncompleteCheckpointException for the first round whose assessment is not known yet;
    Snakemake then schedules that round and calls this again.
    """
    for number in range(CAMPAIGN.rounds.max):
        if not ASSESSMENTS.was_read(material, number):  # what was given once is not taken back
            checkpoints.assess.get(material=material, round=f"{number:02d}")
        try:
            if ASSESSMENTS.finished(material, number):
                return number
        except InputError as error:
            raise WorkflowError(str(error)) from None
    return CAMPAIGN.rounds.max - 1


def final_round(wildcards):
    """Files of the round in which the job's material finished."""
    return REQUESTS.of(wildcards).round(last_round(wildcards.material))


def all_rounds(wildcards):
    """Files of every round of the job's material, in order."""
    rounds = range(last_round(wildcards.material) + 1)
    return [REQUESTS.of(wildcards).round(number) for number in rounds]


def final_members(wildcards):
    """Models of the committee of the last round."""
    return [final_round(wildcards).member(member).model for member in MEMBERS]


def labels_of_all_rounds(wildcards):
    """Label chunks of every round of the material, round after round."""
    return [one.labels(chunk) for one in all_rounds(wildcards) for chunk in CHUNKS]


def labels_of_finished(material):
    """Input function: every label that trains or was asked for in the rounds of a material."""

    def get(wildcards):
        final = RESULTS.material(material).round(last_round(material))
        return [final.dataset, *(final.labels(chunk) for chunk in CHUNKS)]

    return get


def final_assessment(material):
    """Input function of a target rule: the assessment of the last round of `material`.

    One function per material: the first exception of a function that looped over materials
    would make them wait for each other. A dry run that knows of no assessment yet is given all
    that lie on disk, in one walk over the graph in place of one per round; as soon as it knows
    which of them still hold, it asks again. A real run is not: it could start work that an
    earlier assessment, made again, makes needless.
    """

    def get(wildcards):
        if workflow.dryrun and not checkpoints.created_output:
            if earlier := ASSESSMENTS.on_disk(material):
                return earlier
        return ASSESSMENTS.path(material, last_round(material))

    return get


def outcome(material):
    """Input function: assessment, row and figures of `material`, asked for once its rounds are done.

    Until then none of its analysis is in the graph that Snakemake walks for every assessment.
    """

    def get(wildcards):
        assessed = final_assessment(material)(wildcards)
        if isinstance(assessed, list):
            return assessed
        summary = RESULTS.material(material).summary
        return [assessed, summary, *REQUESTS.figures_of(material)]

    return get


def tables(wildcards):
    """What is made of all materials: until every one is done, no row has to be in the graph."""
    for material in MATERIALS:
        last_round(material)
    return REQUESTS.tables()


def nothing(wildcards):
    """Last input of `all`: Snakemake 9.27 expands a rule twice per assessment if its last function waits."""
    return []
