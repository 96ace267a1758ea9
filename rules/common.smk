# Which rounds are done: all that has to know `checkpoints` or `workflow`. What a job asks for is in
# umklapp/campaign (requests, parameters, job_resources), the names of all files in umklapp/paths.py.
import os
import sys

from umklapp.campaign import interpreter, sizes, stops
from umklapp.campaign.assessments import Assessments
from umklapp.campaign.audits import Audits
from umklapp.campaign.devices import variables
from umklapp.campaign.order import Order
from umklapp.campaign.parameters import plain

ENVIRONMENT = "../envs/umklapp.yaml"

CAMPAIGN, SHARD, RESULTS = RUN.campaign, RUN.shard, RUN.results
MATERIALS = RUN.materials
REQUESTS = RUN.requests  # files that a job reads
PARAMETERS = RUN.parameters  # settings that its result depends on
memory, minutes = RUN.resources.memory, RUN.resources.minutes
LABELLED = sizes.labelled(CAMPAIGN.seeds)  # the cell that goes into time and memory of a label
MEMBERS, CHUNKS = REQUESTS.members, REQUESTS.chunks
os.environ |= variables(CAMPAIGN)
# Snakemake writes this path unquoted into the commands of jobs.
sys.executable = interpreter.path_for_shell(sys.executable, interpreter.link_to(sys.executable))

# names of files with their wildcards
MATERIAL, FIGURES, OVERVIEW = RESULTS.material(), RESULTS.figures_of(), RESULTS.overview
BENCHMARK_FIGURES = RESULTS.benchmark_figures
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
AUDITS = Audits(RESULTS, len(MEMBERS))
STOPS = stops.Stops(stops.rule(CAMPAIGN), RESULTS)
ORDER = Order(CAMPAIGN.order, RESULTS, MATERIALS)


def tries():
    """Retries only in the main process: inside a Slurm job they would multiply."""
    return CAMPAIGN.resources.retries if workflow.is_main_process else 0


def ends_early(material):
    """Whether `material` is done without rounds by the stop rule; False where there is none.

    Raises IncompleteCheckpointException until the rule has been asked.
    """
    if not STOPS.asks(material):
        return False
    if not STOPS.was_read(material):
        checkpoints.stop.get(material=material)
    try:
        return STOPS.done(material)
    except InputError as error:
        raise WorkflowError(str(error)) from None


def last_round(material):
    """Number of the round in which `material` finished, and whose κ has passed its audit.

    Raises IncompleteCheckpointException for the first round whose assessment or audit is not known
    yet; Snakemake then schedules it and calls this again.
    """
    if ends_early(material):
        path = RESULTS.material(material).stop
        raise WorkflowError(
            f"{material} is done without rounds ({path}), so this file is not made: "
            "ask for its comparison.md, or leave out foundation.stop"
        )
    for round_index in range(CAMPAIGN.rounds.max):
        if not ASSESSMENTS.was_read(material, round_index):  # what was given once is not taken back
            checkpoints.assess.get(material=material, round=f"{round_index:02d}")
        try:
            if ASSESSMENTS.finished(material, round_index) and not learns_on(material, round_index):
                return round_index
        except InputError as error:
            raise WorkflowError(str(error)) from None
    return CAMPAIGN.rounds.max - 1


def learns_on(material, round_index):
    """Whether the audit of a finished round has failed, so that another round learns from it."""
    if round_index + 1 == CAMPAIGN.rounds.max:
        return False
    if AUDITS.settled(material, round_index):
        return True
    if not CAMPAIGN.audited:
        return False
    if not AUDITS.was_read(material, round_index):
        checkpoints.audit.get(material=material, round=f"{round_index:02d}")
    return AUDITS.another_round(material, round_index)


def rank_first(material):
    """Plan no round of `material` before it is known when it comes; nothing without an order.

    Raises IncompleteCheckpointException until its rank is made. Materials do not wait for each other.
    """
    if ORDER.waits_for(material):
        checkpoints.rank.get(material=material)
        try:
            ORDER.learn(material)
        except InputError as error:
            raise WorkflowError(str(error)) from None


def final_round(wildcards):
    """Files of the round in which the job's material finished."""
    return REQUESTS.of(wildcards).round(last_round(wildcards.material))


def all_rounds(wildcards):
    """Files of every round of the job's material, in order."""
    rounds = range(last_round(wildcards.material) + 1)
    return [REQUESTS.of(wildcards).round(round_index) for round_index in rounds]


def first_modes(wildcards):
    """Phonons of the members of round 0; nothing where that is the last round."""
    return modes_of(REQUESTS.of(wildcards).round(0)) if final_round(wildcards).index else []


def modes_of(one):
    """Phonons of every member of a round, on its coarse mesh."""
    return [one.conductivity(member).modes for member in MEMBERS]


def final_members(wildcards):
    """Models of the committee of the last round."""
    return [final_round(wildcards).member(member).model for member in MEMBERS]


def final_trajectories(wildcards):
    """Heat-flux trajectories of the committee of the last round."""
    return REQUESTS.trajectories_of(final_round(wildcards))


def moved_potential(wildcards):
    """Taylor correction in the dynamics of the job's round, by name; nothing where none is asked."""
    one = REQUESTS.of(wildcards).round(wildcards.round)
    return one.moved if CAMPAIGN.corrected_dynamics else {}


def final_moved_potential(wildcards):
    """That of the last round."""
    return final_round(wildcards).moved if CAMPAIGN.corrected_dynamics else {}


def final_audit(wildcards):
    """The audit of κ; nothing where there is none."""
    return AUDITS.final(wildcards.material) if CAMPAIGN.audited else []


def fresh_labels(wildcards):
    """Labels that the last committee has not learned from: of the audit, and those held back."""
    own, last = REQUESTS.of(wildcards), final_round(wildcards)
    audit = [last.audit_stage.labels(chunk) for chunk in CHUNKS] if CAMPAIGN.audited else []
    return [*audit, own.seeds.calibration, own.seeds.test]


def spent_labels(wildcards):
    """Labels of the stop rule, which train from round 0 on."""
    if int(wildcards.round):
        return []
    ends_early(wildcards.material)
    return STOPS.labels(wildcards.material)


def of_rounds(files):
    """Input function: what the rounds of a material make; nothing where it is done without them.

    Args: files: a pattern with the material alone, or an input function.
    """

    def get(wildcards):
        if STOPS.ended(wildcards.material) or ends_early(wildcards.material):
            return []
        return files(wildcards) if callable(files) else files.format(material=wildcards.material)

    return get


def end_without_rounds(wildcards):
    """What the stop rule says of a material that is done by it; nothing for all others."""
    own = RESULTS.material(wildcards.material)
    ended = STOPS.ended(own.key) or ends_early(own.key)
    return own.stop if ended else []


def previous_lesson(wildcards):
    """Labels of the failed audit of the round before."""
    round_index = int(wildcards.round)
    return AUDITS.lessons(wildcards.material, round_index - 1) if round_index else []


def audits_of_all_rounds(wildcards):
    """Records of failed audits of earlier rounds, and the audit of the last round."""
    last = final_round(wildcards)
    failed = AUDITS.of_failed(wildcards.material, last.index)
    return [*failed, *([last.audit] if CAMPAIGN.audited else [])]


def labels_of_all_rounds(wildcards):
    """Label chunks of every round of the material, round after round."""
    return [one.labels(chunk) for one in all_rounds(wildcards) for chunk in CHUNKS]


def labels_of_finished(material):
    """Input function: every label that trains or was asked for in the rounds of a material."""

    def get(wildcards):
        if ends_early(material):
            return STOPS.labels(material)
        final = RESULTS.material(material).round(last_round(material))
        return [final.dataset, *(final.labels(chunk) for chunk in CHUNKS)]

    return get


def earlier_verdicts(material):
    """For a dry run that knows of no assessment yet: assessments and audits that lie on disk.

    They are asked for in one walk over the graph in place of one per round; as soon as the dry run
    knows which of them still hold, it asks again. A real run is not given them: it could start work
    that an earlier assessment, made again, makes needless.
    """
    if not workflow.dryrun or checkpoints.created_output:
        return []
    assessments = ASSESSMENTS.on_disk(material, AUDITS.settled)
    if CAMPAIGN.audited and assessments:
        last = RESULTS.material(material).round(len(assessments) - 1)
        return [*assessments, *([last.audit] if os.path.exists(last.audit) else [])]
    return assessments


def end_of_rounds(material):
    """Input function of a target rule: assessment and audit of the last round of `material`.

    Where it is done without rounds, what the stop rule says of it.

    One function per material: the first exception of a function that looped over materials
    would make them wait for each other.
    """

    def get(wildcards):
        if earlier := earlier_verdicts(material):
            return earlier
        if ends_early(material):
            return [RESULTS.material(material).stop]
        last = RESULTS.material(material).round(last_round(material))
        return [last.assessment, *([last.audit] if CAMPAIGN.audited else [])]

    return get


def outcome(material):
    """Input function: end of rounds, row and figures of `material`, asked for once it is done.

    Until then none of its analysis is in the graph that Snakemake walks for every assessment.
    """

    def get(wildcards):
        if earlier := earlier_verdicts(material):
            return earlier
        rank_first(material)
        summary = RESULTS.material(material).summary
        return [*end_of_rounds(material)(wildcards), summary, *REQUESTS.figures_of(material)]

    return get


def kappa_and_figures(material):
    """Input function: κ of a material, its row of the summary and all its figures."""

    def get(wildcards):
        files = RESULTS.material(material)
        kappa = [] if ends_early(material) else [files.conductivity]
        return [*kappa, files.summary, *REQUESTS.figures_of(material)]

    return get


def figures_of_run(wildcards):
    """Every figure of this run; asked for once it is known which materials have rounds."""
    for material in MATERIALS:
        if not STOPS.ended(material):
            ends_early(material)
    return REQUESTS.figures()


def tables(wildcards):
    """What is made of all materials: until every one is done, no row has to be in the graph."""
    for material in MATERIALS:
        rank_first(material)
        if not ends_early(material):
            last_round(material)
    return REQUESTS.tables()


def nothing(wildcards):
    """Last input of `all`: Snakemake 9.27 expands a rule twice per assessment if its last function waits."""
    return []
