from umklapp.campaign import readiness, sizes
from umklapp.config.green_kubo import MOVES

MEMBERS = range(CAMPAIGN.committee.size)
CHUNKS = range(CAMPAIGN.resources.label_chunks)
ENVIRONMENT = "../envs/umklapp.yaml"
TRAINED = "ordinary" if CAMPAIGN.finetune else "model"


def plain(section):
    """A section of the configuration as a rule's parameter: only its own change reruns the rule."""
    return section.model_dump(mode="json")


def seeds_of(*kinds):
    """Numbers of the configured seeds of these kinds."""
    return [n for n, seed in enumerate(CAMPAIGN.seeds) if seed.kind in kinds]


def materials_of(wildcards):
    """The section `materials` as one material sees it: another one's change does not rerun it."""
    return plain(CAMPAIGN.materials.of(wildcards.material))


def recipe_of(wildcards):
    """What the primitive cell is built from: a changed lattice parameter reruns its material."""
    chosen = CAMPAIGN.materials
    if chosen.cells is not None:
        return {}
    return prototypes.recipe(TABLE.loc[wildcards.material], chosen.structures)


def phonon_cell_of_seeds():
    """The phonon supercell, where a seed of displaced frames is in it."""
    wanted = any(getattr(seed, "supercell", None) == "phonon" for seed in CAMPAIGN.seeds)
    return {"phonon": f"{RESULTS}/{{material}}/structure/phonon.extxyz"} if wanted else {}


def frames_of_user(wildcards):
    """The file of labelled frames that a seed names for a material."""
    return str(CAMPAIGN.seeds[int(wildcards.index)].path_of(wildcards.material))


def reference_dynamics_of(wildcards):
    """Trajectories of the reference: the user's, or the aimd seeds."""
    seeds = [f"{RESULTS}/{wildcards.material}/seeds/aimd_{n}.extxyz" for n in seeds_of("aimd")]
    return CAMPAIGN.verdict.references(wildcards.material) or seeds


def nomad_place(wildcards):
    """What a download depends on; which frames are taken changes no file."""
    return CAMPAIGN.seeds[int(wildcards.index)].model_dump(
        mode="json", exclude={"every", "skip", "count"}
    )


def two_digits(number):
    """Round label as used in paths: 1 -> '01'."""
    return f"{int(number):02d}"


def previous(name):
    """Input function: file `name` of the round before; nothing for the first round."""

    def get(wildcards):
        number = int(wildcards.round)
        if number == 0:
            return []
        return f"{RESULTS}/{wildcards.material}/round_{two_digits(number - 1)}/{name}"

    return get


PRETRAINED = [n for n in seeds_of("low_fidelity") if CAMPAIGN.seeds[n].pretrain]
PRETRAINING = CAMPAIGN.seeds[PRETRAINED[0]].pretrain if PRETRAINED else None


def parent_of(wildcards):
    """The same member of the round before where training starts warm; nothing otherwise."""
    warm, number = CAMPAIGN.potential.training.warm_start, int(wildcards.round)
    if warm is None or (warm.scratch_every and number % warm.scratch_every == 0):
        return []
    return previous(f"member_{wildcards.member}/model.ckpt")(wildcards)


def start_of(wildcards):
    """What a member starts from where it does not go on from the round before."""
    if parent_of(wildcards):
        return []
    if PRETRAINING is not None:
        return f"{RESULTS}/{wildcards.material}/low_fidelity/member_{wildcards.member}.ckpt"
    if CAMPAIGN.potential.start is None:
        return []
    return CAMPAIGN.potential.start_of(wildcards.material, wildcards.member)


def potential_of(wildcards):
    """The potential's settings, with those of the transfer where a cheap surface came first."""
    if PRETRAINING is None or parent_of(wildcards):
        return plain(CAMPAIGN.potential)
    return plain(PRETRAINING.transfer(CAMPAIGN.potential))


def model_of_surface(wildcards):
    """The checkpoint that is a cheap surface; nothing for other surfaces."""
    surface = CAMPAIGN.seeds[int(wildcards.index)].surface
    return surface.path if surface.kind == "checkpoint" else []


def sampling_of_low_fidelity(wildcards):
    """What dynamics on a cheap surface depends on, as a seed that can be parsed again."""
    seed = CAMPAIGN.seeds[int(wildcards.index)]
    return {**plain(seed), "distillation": None, "pretrain": None}


def pool_to_learn(wildcards):
    """The cheap labels of pretraining."""
    return f"{RESULTS}/{wildcards.material}/low_fidelity/pool_{PRETRAINED[0]}.extxyz"


def engine_of(wildcards):
    """The compiled engine for the number of species of a material."""
    species = len(set(SPECIES[wildcards.material]))
    return f"{RESULTS}/engines/{species}_species"


COUNTS = sorted({len(set(species)) for species in SPECIES.values()})
ENGINES = [f"{RESULTS}/engines/{count}_species" for count in COUNTS]
if CAMPAIGN.green_kubo:
    ENGINES += [f"{engine}_flux" for engine in ENGINES]


def labels_of_previous_round(wildcards):
    """Label chunks of the round before; nothing for the first round."""
    return [path for n in CHUNKS for path in [previous(f"labels/{n}.extxyz")(wildcards)] if path]


KNOWN = {}


def finished(verdict):
    """Whether a verdict says so; read once per version of the file, not once per question."""
    changed = os.stat(verdict).st_mtime_ns
    if KNOWN.get(verdict, (None, None))[0] != changed:
        KNOWN[verdict] = changed, readiness.read_finished(Path(verdict))
    if KNOWN[verdict][1] is None:
        raise WorkflowError(f"{verdict} is no verdict of this workflow: move it away")
    return KNOWN[verdict][1]


def last_round(material):
    """Number of the round in which `material` finished.

    Raises IncompleteCheckpointException for the first round whose verdict is not known yet;
    Snakemake then schedules that round and calls this again.
    """
    for number in range(CAMPAIGN.rounds.max):
        verdict = f"{RESULTS}/{material}/round_{two_digits(number)}/assessment.json"
        if verdict not in KNOWN:  # what was given once is never taken back in a run
            checkpoints.assess.get(material=material, round=two_digits(number))
        if finished(verdict):
            return number
    return CAMPAIGN.rounds.max - 1


def verdicts_on_disk(material):
    """Verdicts of earlier runs, up to the first that ends the rounds."""
    found = []
    for number in range(CAMPAIGN.rounds.max):
        verdict = f"{RESULTS}/{material}/round_{two_digits(number)}/assessment.json"
        if not os.path.exists(verdict):
            break
        found.append(verdict)
        if readiness.read_finished(Path(verdict)):
            break
    return found


def final_verdict(material):
    """Input function of a target rule: the verdict of the last round of `material`.

    One function per material: the first exception of a function that looped over materials
    would make them wait for each other. A dry run that knows of no verdict yet is given all
    that lie on disk, in one walk over the graph in place of one per round; as soon as it knows
    which of them still hold, it asks again. A real run is not: it could start work that an
    earlier verdict, made again, makes needless.
    """

    def get(wildcards):
        if workflow.dryrun and not checkpoints.created_output:
            if found := verdicts_on_disk(material):
                return found
        return f"{RESULTS}/{material}/round_{two_digits(last_round(material))}/assessment.json"

    return get


def outcome(material):
    """Input function: verdict, row and figures of `material`, asked for once its rounds are done.

    Until then none of its analysis is in the graph that Snakemake walks for every verdict.
    """

    def get(wildcards):
        found = final_verdict(material)(wildcards)
        if isinstance(found, list):
            return found
        return [found, summary_of(material), *figures_of(material)]

    return get


def summary_of(material):
    """The row of one material."""
    return f"{RESULTS}/{material}/summary.json"


def tables(wildcards):
    """What is made of all materials: until every one is done, no row has to be in the graph."""
    for material in MATERIALS:
        last_round(material)
    return [summary_table(SHARD)] if SHARD else [summary_table(SHARD), *OVERVIEW]


def summary_table(shard, name="summary"):
    """A table of all materials; a shard has its own, and number 0 joins them."""
    if shard and shard.number:
        return f"{RESULTS}/summaries/{name}_{shard.label}.csv"
    return f"{RESULTS}/{name}.csv"


def nothing(wildcards):
    """Last input of `all`: Snakemake 9.27 expands a rule twice per verdict if its last function waits."""
    return []


def of_last_round(name):
    """Input function: file `name` of the material's last round."""

    def get(wildcards):
        number = two_digits(last_round(wildcards.material))
        return f"{RESULTS}/{wildcards.material}/round_{number}/{name}"

    return get


def of_all_rounds(name):
    """Input function: file `name` of every round of the material, in order."""

    def get(wildcards):
        rounds = range(last_round(wildcards.material) + 1)
        return [f"{RESULTS}/{wildcards.material}/round_{two_digits(n)}/{name}" for n in rounds]

    return get


SHARED = [name for name in MATERIALS if name not in CAMPAIGN.shared.leave_out]


def labels_of_finished(material):
    """Input function: every label that trains or was asked for in the rounds of a material."""

    def get(wildcards):
        folder = f"{RESULTS}/{material}/round_{two_digits(last_round(material))}"
        return [f"{folder}/dataset.extxyz", *(f"{folder}/labels/{n}.extxyz" for n in CHUNKS)]

    return get


def labels_of_all_rounds(wildcards):
    """Label chunks of every round of the material, round after round."""
    names = [of_all_rounds(f"labels/{n}.extxyz")(wildcards) for n in CHUNKS]
    return [path for chunks in zip(*names) for path in chunks]


def tries():
    """Retries only in the main process: inside a Slurm job they would multiply."""
    return CAMPAIGN.resources.retries if workflow.is_main_process else 0


SIZES = {}
ASKING = {"default"}  # rules with a factor of their own


def atoms_of(material, cell):
    """Atoms of a cell: as it was built, or as the table says while it is not."""
    if material not in SIZES:
        found = sizes.built(Path(f"{RESULTS}/{material}/structure/structure.json"))
        if found is None:
            return EXPECTED[material][cell]
        SIZES[material] = found
    return SIZES[material].get(cell, EXPECTED[material][cell])


def memory(start, rule="default", cell=None, power=1.0):
    """Memory (MB): `start` for up to 64 atoms, more with (atoms of `cell`)^power and each attempt."""
    return asked(start, CAMPAIGN.resources.memory, CAMPAIGN.resources.max_memory, rule, cell, power)


def minutes(start, rule="default", cell=None, power=1.0):
    """Wall time (minutes), as `memory`."""
    limit = CAMPAIGN.resources.max_walltime
    return asked(start, CAMPAIGN.resources.walltime, limit, rule, cell, power)


def asked(start, factors, limit, rule, cell, power):
    """Resource function: what a job of `rule` asks for."""
    ASKING.add(rule)
    own = sizes.factor(factors, rule)

    def get(wildcards, attempt):
        growth = sizes.growth(atoms_of(wildcards.material, cell), power) if cell else 1.0
        return sizes.request(start, attempt, own * growth, limit)

    return get


def exploration_of_previous_round(wildcards):
    """Exploration of the round before; nothing for the first round."""
    found = previous("exploration.h5")(wildcards)
    return [found] if found else []


def kappa_of_previous_round(wildcards):
    """κ of every member in the round before; nothing for the first round, or where κ is not asked."""
    if "kappa" not in CAMPAIGN.rounds.physics:
        return []
    names = [previous(f"conductivity/member_{k}.json")(wildcards) for k in MEMBERS]
    return [name for name in names if name]


def of_members_of_last_round(name):
    """Input function: file `name` of every member in the material's last round."""

    def get(wildcards):
        return [of_last_round(f"member_{k}/{name}")(wildcards) for k in MEMBERS]

    return get


def member_of_trajectory(wildcards):
    """The member that drives a trajectory: all of the last committee in turn."""
    member = int(wildcards.index) % CAMPAIGN.committee.size
    return f"{RESULTS}/{wildcards.material}/model/member_{member}.ckpt"


def trajectories_of(wildcards):
    """All heat-flux trajectories of a material."""
    numbers = range(CAMPAIGN.green_kubo.trajectories if CAMPAIGN.green_kubo else 0)
    return [f"{RESULTS}/{wildcards.material}/green_kubo/trajectory_{n}.h5" for n in numbers]


def moves_of_green_kubo():
    """What a trajectory depends on; the other settings are of the analysis."""
    if CAMPAIGN.green_kubo is None:
        return None
    return CAMPAIGN.green_kubo.model_dump(mode="json", include={*MOVES, "supercell"})


def green_kubo_of(wildcards):
    """Green–Kubo result of a material, where it is asked for."""
    return f"{RESULTS}/{wildcards.material}/green_kubo.json" if CAMPAIGN.green_kubo else []


def effective_of(wildcards):
    """κ with effective force constants, where it is asked for."""
    wanted = CAMPAIGN.green_kubo and CAMPAIGN.green_kubo.effective_frames
    return f"{RESULTS}/{wildcards.material}/effective.json" if wanted else []


def effective_frames():
    """Frames of the dynamics that effective force constants are fitted to."""
    return CAMPAIGN.green_kubo.effective_frames if CAMPAIGN.green_kubo else 0


def reference_modes(wildcards):
    """The reference's modes of a material."""
    path = CAMPAIGN.conductivity.reference
    return str(path).replace("{material}", wildcards.material) if path else []


def srme_of(wildcards):
    """κ_SRME, where there is a reference."""
    wanted = CAMPAIGN.conductivity.reference
    return f"{RESULTS}/{wildcards.material}/conductivity/srme.json" if wanted else []


def elastic_of(wildcards):
    """Elastic constants of a material, where they are asked for."""
    return f"{RESULTS}/{wildcards.material}/elastic.json" if CAMPAIGN.elastic else []


def elastic_reference(wildcards):
    """Elastic constants of the reference engine, where they are asked for."""
    wanted = CAMPAIGN.elastic and CAMPAIGN.elastic.reference
    return f"{RESULTS}/{wildcards.material}/elastic/reference.json" if wanted else []


def elastic_cell(wildcards):
    """The cell that is strained."""
    cell = CAMPAIGN.elastic.cell if CAMPAIGN.elastic else "primitive"
    return f"{RESULTS}/{wildcards.material}/structure/{cell}.extxyz"


def curvature_file(wildcards):
    """The user's force constants of a material; nothing where the reference engine makes them."""
    path = CAMPAIGN.finetune.labels
    return [] if path == "reference" else str(path).replace("{material}", wildcards.material)


SOURCE_OF_CURVATURE = {"kind", "labels", "supercell", "displacement", "equilibrium"}


def curvature_source():
    """What the labels of fine-tuning depend on; its other settings are of the training."""
    return CAMPAIGN.finetune.model_dump(mode="json", include=SOURCE_OF_CURVATURE)


def finetune_moves():
    """What fine-tuning depends on beside its labels."""
    return CAMPAIGN.finetune.model_dump(mode="json", exclude={"labels", "supercell"})


def finetune_of(wildcards):
    """Records of the fine-tuning of every member, where there is one."""
    if CAMPAIGN.finetune is None:
        return []
    folder = f"{RESULTS}/{wildcards.material}/round_{wildcards.round}"
    return [f"{folder}/member_{k}/finetune.json" for k in MEMBERS]


FIGURE_NAMES = ["learning_curve", "uncertainty", "events", "bands", "kappa", "comparison"]
if CAMPAIGN.green_kubo:
    FIGURE_NAMES.append("green_kubo")
if CAMPAIGN.elastic:
    FIGURE_NAMES.append("elastic")


def figures_of(material):
    """All figures of one material."""
    return [f"{RESULTS}/figures/{material}/{name}.png" for name in FIGURE_NAMES]


OVERVIEW = [f"{RESULTS}/figures/overview/{name}.png" for name in ("kappa_sigma", "campaign")]
FIGURES = OVERVIEW[: 1 if SHARD else 2] + [
    path for material in MATERIALS for path in figures_of(material)
]
