"""Parameters change with what a job depends on, and with nothing else."""

import shutil
from types import SimpleNamespace

import pytest
import yaml

from umklapp import config
from umklapp.campaign.parameters import Parameters, plain

SMOOTH = {"baseline": "taylor", "training": {"stress_weight": 0}}
FIRST = SimpleNamespace(material="Si-227", round="00", member="0", index="0")


@pytest.fixture
def parameters(plain, table):
    def of(**changes):
        for section, values in changes.items():
            plain[section] = values
        return Parameters(config.validate(plain), table)

    return of


def test_a_section_becomes_plain_values_that_can_be_parsed_again(parameters):
    split = parameters().campaign.split
    assert config.parse(config.Split, plain(split)) == split
    assert plain(None) is None


def test_supercell_of_another_material_does_not_rerun_this_one(parameters, plain):
    cells = {"default": [[2, 0, 0], [0, 2, 0], [0, 0, 2]], "CuI-216": {"atoms": 100}}
    plain["materials"]["phonon_supercell"] = cells
    before = parameters().materials(FIRST)
    plain["materials"]["phonon_supercell"] = {**cells, "CuI-216": {"atoms": 200}}
    plain["materials"]["select"] = ["Si-227", "CuI-216"]
    assert parameters().materials(FIRST) == before
    plain["materials"]["phonon_supercell"] = {"default": {"atoms": 100}}
    assert parameters().materials(FIRST) != before


def test_the_analysis_of_green_kubo_is_no_parameter_of_its_trajectories(parameters):
    before = parameters(green_kubo={}).trajectory()
    assert parameters(green_kubo={"gauge": "full", "trajectories": 2}).trajectory() == before
    assert parameters(green_kubo={"length": 30}).trajectory() != before
    assert parameters(green_kubo=None).trajectory() is None


def test_training_is_no_parameter_of_the_compiled_graph(parameters):
    before = parameters().architecture()
    assert parameters(potential={"training": {"epochs": 7}}).architecture() == before
    assert parameters(potential={"cutoff": 6.0}).architecture() != before


def test_weights_of_finetuning_are_no_parameter_of_its_labels(parameters):
    before = parameters(finetune={}).curvature_source()
    assert parameters(finetune={"steps": 3}).curvature_source() == before
    assert parameters(finetune={"displacement": 0.05}).curvature_source() != before
    assert parameters(finetune={"steps": 3}).finetuning()["steps"] == 3


def test_members_that_learned_a_cheap_surface_have_the_settings_of_the_transfer(parameters):
    cheap = {
        "kind": "low_fidelity",
        "count": 50,
        "temperatures": [300],
        "surface": {"kind": "calculator", "calculator": "silicon:StillingerWeberSilicon"},
        "pretrain": {"transfer_epochs": 11},
    }
    warm = {"epochs": 5, "learning_rate": 0.001}
    own = parameters(
        seeds=[cheap, {"kind": "rattled", "count": 12}],
        potential={"training": {"epochs": 40, "warm_start": warm}},
    )
    assert own.potential(FIRST)["training"]["epochs"] == 11
    second = SimpleNamespace(material="Si-227", round="01", member="0")
    assert own.potential(second)["training"]["epochs"] == 40
    assert own.low_fidelity_sampling(FIRST)["pretrain"] is None
    assert own.cheap_frames(FIRST) == 50
    assert own.pretraining()["transfer_epochs"] == 11
    assert [index for index, _ in own.seeds("rattled", "harmonic")] == [1]


def test_a_graph_of_a_distillation_is_that_of_its_own_networks(parameters):
    cheap = {
        "kind": "low_fidelity",
        "count": 50,
        "temperatures": [300],
        "surface": {"kind": "calculator", "calculator": "silicon:StillingerWeberSilicon"},
        "distillation": {
            "potential": {"features": [6, 4], "l_max": 1, "training": {"warm_start": {}}}
        },
    }
    own = parameters(seeds=[cheap])
    job = SimpleNamespace(index="0")
    assert own.distillation_architecture(job)["features"] == [6, 4]
    assert own.distillation_architecture(job).keys() == own.architecture().keys()
    bare = parameters(seeds=[{**cheap, "distillation": None}])
    assert bare.distillation_architecture(job) is None


def test_which_nomad_frames_are_taken_downloads_nothing_again(parameters):
    before = parameters(seeds=[{"kind": "nomad"}]).nomad_query(FIRST)
    assert parameters(seeds=[{"kind": "nomad", "every": 5}]).nomad_query(FIRST) == before
    assert parameters(seeds=[{"kind": "nomad", "every": 5}]).seed(FIRST)["every"] == 5


def test_a_new_lattice_parameter_reruns_its_own_material(parameters, plain, root, tmp_path):
    carbon = SimpleNamespace(material="C-227")
    before, other = parameters().recipe(FIRST), parameters().recipe(carbon)
    folder = shutil.copytree(root / "config/structures", tmp_path / "structures")
    lattices = yaml.safe_load((folder / "lattices.yaml").read_text())
    lattices["Si-227"]["a"] += 0.1
    (folder / "lattices.yaml").write_text(yaml.safe_dump(lattices))
    plain["materials"]["structures"] = str(folder)
    assert parameters().recipe(FIRST) != before
    assert parameters().recipe(carbon) == other


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("resources", {"label_timeout": 7.0, "label_tries": 5}),
        ("phonons", {"mesh": [4, 4, 4], "imaginary": -0.3}),
    ],
)
def test_what_is_no_physics_repeats_no_training_and_no_label(parameters, section, changes):
    """Snakemake compares the repr."""
    before, after = parameters(), parameters(**{section: changes})
    for name in ("label_timeout", "taylor_phonons"):
        assert repr(getattr(before, name)()) == repr(getattr(after, name)())
    assert after.label_timeout() == after.campaign.resources.label_timeout
    assert after.taylor_phonons()["mesh"] == after.campaign.phonons.mesh


@pytest.mark.parametrize("engine", ["gpaw", "vasp"])
def test_how_a_program_runs_repeats_nothing(parameters, engine):
    before = plain(parameters(reference={"engine": engine}).campaign.reference)
    changed = {"engine": engine, "max_iterations": 9}
    changed |= {"command": "srun vasp"} if engine == "vasp" else {}
    after = plain(parameters(reference=changed).campaign.reference)
    assert after["max_iterations"] != before["max_iterations"]
    assert repr(before) == repr(after)
    physics = plain(parameters(reference={"engine": engine, "ecut": 123.0}).campaign.reference)
    assert repr(physics) != repr(before)


UNUSED = {
    "potential": {"taylor": {"cubic_width": 0.3}},
    "committee": {"subsamples": 5},
    "verdict": {
        "reference": "a.extxyz",
        "sigma_atoms": 9,
        "persistence": {"error": 0.9},
        "rarest": 0.3,
    },
    "exploration": {"kind": "md", "temperatures": [900.0], "steps": 100},
    "acquisition": {"shift": 9.0, "width": 3.0},
    "conductivity": {"round_mesh": [3, 3, 3], "reference": "a.hdf5", "mesh_tolerance": 0.3},
    "elastic": {"reference_fmax": 0.1, "reference": True},
    "green_kubo": {"effective_frames": 7},
    "phonons": {"displacement": 0.1, "correction": "none", "mesh": [4, 4, 4]},
}
"""Keys that change no result of the jobs below."""


@pytest.mark.parametrize(
    ("name", "of_job", "used"),
    [
        ("potential", [FIRST], {"potential": {"cutoff": 4.5}}),
        ("learning", [], {"potential": {"training": {"epochs": 7}}}),
        ("member", [], {"committee": {"fraction": 0.7}}),
        ("assessed_events", [], {"verdict": {"enter": 7.0}}),
        ("persistence_runs", [], {"verdict": {"persistence": {"duration": 90.0}}}),
        ("persistence_dynamics", [], {"exploration": {"kind": "md", "timestep": 1.5}}),
        ("choice", [], {"acquisition": {"strategy": "almomd", **UNUSED["acquisition"]}}),
        ("kappa", ["mesh"], {"conductivity": {"mesh": [3, 3, 3]}}),
        ("kappa", [], {"conductivity": {"isotopes": True}}),
        ("effective_kappa", [], {"conductivity": {"mesh": [3, 3, 3]}}),
        ("effective_phonons", [], {"phonons": {"imaginary": -0.3}}),
        ("baseline_phonons", [], {"phonons": {"pair_cutoff": 4.0}}),
        ("elastic", [], {"elastic": {"relax": False}}),
        ("elastic_reference", [], {"elastic": {"reference_fmax": 0.1}}),
        ("heat_flux", [], {"green_kubo": {"gauge": "full"}}),
    ],
)
def test_a_key_that_a_job_does_not_use_does_not_rerun_it(plain, table, name, of_job, used):
    """Snakemake compares the repr; the job itself is given what the configuration says."""

    def parameter(changes):
        given = {**plain, "elastic": {}, "green_kubo": {}, **changes}
        return repr(getattr(Parameters(config.validate(given), table), name)(*of_job))

    unused = {key: UNUSED[key] for key in UNUSED if key != "elastic" or name == "elastic"}
    assert parameter(unused) == parameter({})
    assert parameter(used) != parameter({})


def test_how_a_committee_is_evaluated_trains_no_member_again(parameters):
    before, after = parameters(), parameters(committee={"engine": "eager"})
    assert repr(after.member()) == repr(before.member())
    assert after.member()["engine"] == "eager"


def test_events_of_a_pool_are_continued_by_default_dynamics(parameters, plain):
    plain["materials"]["relax"] = False
    plain["seeds"] = [{"kind": "frames", "path": "a.extxyz"}]
    table = {"engine": "lookup", "path": "a.extxyz"}
    pool = parameters(exploration={"kind": "pool"}, reference=table)
    dynamics = config.parse(config.Exploration, pool.persistence_dynamics())
    assert dynamics == config.MdExploration()


def test_the_q_mesh_of_a_round_is_no_parameter_of_the_last_kappa(parameters):
    """And the other way round."""
    before = parameters()
    after = parameters(conductivity={"mesh": [3, 3, 3]})
    assert repr(after.kappa("round_mesh")) == repr(before.kappa("round_mesh"))
    assert repr(after.kappa("mesh")) != repr(before.kappa("mesh"))
    assert after.kappa("round_mesh")["mesh"] == [3, 3, 3]
    after = parameters(conductivity={"round_mesh": [3, 3, 3]})
    assert repr(after.kappa("mesh")) == repr(before.kappa("mesh"))
    assert repr(after.kappa("round_mesh")) != repr(before.kappa("round_mesh"))


def test_the_prior_of_a_correction_is_a_parameter_where_there_is_one(parameters):
    seeds = [{"kind": "rattled", "count": 12, "supercell": "phonon"}]
    own = {"seeds": seeds, "phonons": {"correction": "taylor"}}
    without = repr(parameters().correction())
    wider = {"taylor": {"cubic_width": 0.3}}
    assert repr(parameters(potential=wider).correction()) == without
    assert repr(parameters(**own, potential=wider).correction()) != without
    assert repr(parameters(**own, potential={"taylor": {"steps": 3}}).correction()) == without


def test_known_force_constants_are_a_parameter_of_a_network_over_them(parameters, plain):
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    own = parameters(potential=SMOOTH)
    before = repr(own.taylor_phonons())
    assert repr(parameters(phonons={"displacement": 0.1}).taylor_phonons()) == before
    assert repr(parameters(phonons={"force_constants": "a.yaml"}).taylor_phonons()) != before


def test_the_prior_under_a_network_is_a_parameter_of_its_training(parameters, plain):
    plain["materials"]["phonon_supercell"] = plain["materials"]["sampling_supercell"]
    over = {**SMOOTH, "taylor": {"cubic_width": 0.3}}
    before, after = parameters(potential=SMOOTH), parameters(potential=over)
    assert repr(after.potential(FIRST)) != repr(before.potential(FIRST))


def test_the_mesh_of_thermodynamics_is_no_parameter_of_kappa(parameters):
    before = parameters().conductivity_phonons()
    assert repr(parameters(phonons={"mesh": [4, 4, 4]}).conductivity_phonons()) == repr(before)
    assert repr(parameters(phonons={"displacement": 0.1}).conductivity_phonons()) != repr(before)


def test_a_stop_rule_makes_no_baseline_again_and_its_bounds_no_frame(parameters):
    model = {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}
    without = parameters(foundation={"model": model})
    rule = {"sigma": 0.1, "error": 0.05}
    strict = parameters(foundation={"model": model, "stop": rule})
    loose = parameters(foundation={"model": model, "stop": {}})
    assert repr(without.baseline()) == repr(strict.baseline())
    assert repr(strict.stop("audit")) == repr(loose.stop("audit"))
    assert repr(strict.stop("error")) != repr(loose.stop("error"))
    assert config.parse(config.StopRule, strict.stop("audit")).error == 0.05
    assert parameters().stop_audit() == parameters(audit=None).stop_audit()
