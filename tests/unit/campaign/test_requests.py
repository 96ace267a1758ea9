"""What jobs ask for, case by case: files, of this round and the one before, with every switch."""

from types import SimpleNamespace

import pytest

from umklapp import config
from umklapp.campaign import requests, shards
from umklapp.campaign.figure_files import STUDY
from umklapp.campaign.requests import Requests
from umklapp.paths import Round

SI, CUI = "Si-227", "CuI-216"


def job(material=SI, **wildcards):
    return SimpleNamespace(material=material, **wildcards)


@pytest.fixture
def ask(plain):
    """Requests of a campaign of two materials with these changes of the configuration."""

    def of(shard=None, **changes):
        plain["materials"]["select"] = [SI, CUI]
        for section, values in changes.items():
            plain[section] = values
        species = {SI: ["Si"], CUI: ["Cu", "I"]}
        return Requests(config.validate(plain), [SI, CUI], species, shard)

    return of


def test_the_first_round_needs_nothing_of_a_round_before(ask):
    first = job(round="00", member="1")
    files = ask(rounds={"physics": ["kappa"]})
    assert files.previous_dataset(first) == []
    assert files.previous_labels(first) == []
    assert files.previous_exploration(first) == []
    assert files.previous_kappa(first) == []
    assert files.parent(first) == []
    assert files.start(first) == []


def test_later_rounds_go_on_from_the_round_before(ask):
    files = ask(rounds={"physics": ["kappa"]}, resources={"label_chunks": 2})
    later = job(round="10", member="1")
    assert files.previous_dataset(later) == ["results/Si-227/round_09/dataset.extxyz"]
    assert files.previous_labels(later) == [
        "results/Si-227/round_09/labels/0.extxyz",
        "results/Si-227/round_09/labels/1.extxyz",
    ]
    assert files.previous_kappa(later)[-1] == "results/Si-227/round_09/conductivity/member_3.json"


def test_kappa_of_the_round_before_only_where_it_counts(ask):
    files = ask(rounds={"physics": ["anharmonicity"]})
    assert files.previous_kappa(job(round="02")) == []


def test_warm_start_and_scratch_every(ask):
    warm = {"epochs": 5, "learning_rate": 0.001, "scratch_every": 2}
    files = ask(potential={"training": {"warm_start": warm}, "start": "parent_{member}.ckpt"})
    assert files.start(job(round="00", member="1")) == "parent_1.ckpt"
    assert (
        files.parent(job(round="01", member="1")) == "results/Si-227/round_00/member_1/model.ckpt"
    )
    assert files.start(job(round="01", member="1")) == []
    assert files.parent(job(round="02", member="1")) == [], "every second round is from scratch"
    assert files.start(job(round="02", member="1")) == "parent_1.ckpt"
    assert not requests.goes_on(ask(potential={}).campaign, 1)


def test_members_that_learned_a_cheap_surface_start_from_it(ask):
    cheap = {
        "kind": "low_fidelity",
        "count": 50,
        "temperatures": [300],
        "surface": {"kind": "calculator", "calculator": "silicon:StillingerWeberSilicon"},
        "pretrain": {},
    }
    files = ask(seeds=[{"kind": "rattled", "count": 12}, cheap])
    assert files.start(job(round="00", member="2")) == "results/Si-227/low_fidelity/member_2.ckpt"
    assert files.pool_to_learn(job()) == "results/Si-227/low_fidelity/pool_1.extxyz"
    assert files.surface_model(job(index="1")) == []
    assert ask(seeds=[{"kind": "rattled", "count": 12}]).pool_to_learn(job()) == []


def test_one_engine_per_number_of_species(ask):
    files = ask()
    assert files.engine(job(CUI)) == "results/engines/2_species"
    assert files.engines() == ["results/engines/1_species", "results/engines/2_species"]
    with_flux = ask(green_kubo={})
    assert with_flux.flux_engine(job()) == "results/engines/1_species_flux"
    assert set(with_flux.engines()) - set(files.engines()) == {
        "results/engines/1_species_flux",
        "results/engines/2_species_flux",
    }


def test_jobs_with_a_gpu_have_a_graph_of_their_own(ask):
    """κ and other work of the processor keep that of the processor."""
    files = ask(resources={"gpu": True}, green_kubo={})
    assert files.engine(job(CUI)) == "results/engines/2_species_cuda"
    assert files.cpu_engine(job(CUI)) == "results/engines/2_species"
    assert files.flux_engine(job(CUI)) == "results/engines/2_species_flux_cuda"
    assert {files.engine(job()), files.cpu_engine(job())} < set(files.engines())
    without = ask(resources={"gpu": False})
    assert without.engine(job(CUI)) == without.cpu_engine(job(CUI)) == "results/engines/2_species"


def test_a_distillation_has_a_compiled_graph_of_its_own(ask):
    cheap = {
        "kind": "low_fidelity",
        "count": 50,
        "temperatures": [300],
        "surface": {"kind": "calculator", "calculator": "silicon:StillingerWeberSilicon"},
    }
    drawn = {**cheap, "distillation": None}
    files = ask(seeds=[{"kind": "rattled", "count": 12}, {**cheap, "distillation": {}}, drawn])
    graph = "results/engines/distillation_1_2_species"
    assert files.distillation_engine(job(CUI, index="1")) == graph
    assert files.distillation_engine(job(CUI, index="2")) == []
    assert graph in files.engines()
    assert not any("distillation_2" in path for path in files.engines())


def test_members_drive_trajectories_in_turn(ask):
    files = ask(green_kubo={"trajectories": 6}, committee={"subsamples": 2, "seeds": 2})
    drivers = [files.trajectory_member(job(index=str(n), round="03")) for n in range(6)]
    assert drivers == [f"results/Si-227/round_03/member_{n % 4}/model.ckpt" for n in range(6)]
    paths = files.trajectories(job(round="03"))
    assert paths[5] == "results/Si-227/round_03/green_kubo/trajectory_5.h5"
    assert files.trajectories_of(files.results.material(SI).round(3)) == paths


def test_what_is_not_asked_for_is_not_in_the_graph(ask):
    files = ask()
    for request in (
        files.trajectories, files.green_kubo, files.effective, files.srme, files.elastic,
        files.elastic_reference, files.reference_modes, files.curvature_file,
    ):  # fmt: skip
        assert request(job(round="00")) == []
    assert files.finetune_records(job(round="00")) == []


def test_sections_bring_their_files(ask):
    files = ask(
        green_kubo={"effective_frames": 10},
        elastic={"reference": True, "cell": "sampling"},
        conductivity={"reference": "modes/{material}.hdf5"},
        finetune={"labels": "fc/{material}.hdf5"},
    )
    assert files.green_kubo(job()) == "results/Si-227/green_kubo.json"
    assert files.effective(job()) == "results/Si-227/effective.json"
    assert files.elastic(job()) == "results/Si-227/elastic.json"
    assert files.elastic_reference(job()) == "results/Si-227/elastic/reference.json"
    assert files.elastic_cell(job()) == "results/Si-227/structure/sampling.extxyz"
    assert files.reference_modes(job()) == "modes/Si-227.hdf5"
    assert files.srme(job()) == "results/Si-227/conductivity/srme.json"
    assert files.curvature_file(job()) == "fc/Si-227.hdf5"
    assert len(files.finetune_records(job(round="00"))) == 4
    assert {"green_kubo", "elastic"} <= {
        path.rpartition("/")[2].removesuffix(".png") for path in files.figures_of(SI)
    }


def test_frames_of_the_user_are_named_by_material(ask):
    files = ask(seeds=[{"kind": "frames", "path": "mine/{material}.xyz"}])
    assert files.labelled_by_user(job(index="0")) == "mine/Si-227.xyz"
    with pytest.raises(ValueError, match=r"seeds\.0 is of kind rattled"):
        ask(seeds=[{"kind": "rattled", "count": 12}]).labelled_by_user(job(index="0"))


def test_a_shard_has_tables_of_its_own_and_number_0_joins(ask):
    part, join = shards.parse("2/3"), shards.parse("0/3")
    assert ask(shard=part).tables() == ["results/summaries/summary_02_of_03.csv"]
    assert ask(shard=join).tables() == ["results/summary.csv"]
    assert "results/figures/overview/campaign.png" in ask().tables()
    assert "results/figures/overview/kappa_parity.png" in ask().tables()
    of_shard = ask(shard=part).figures()
    assert not {f"results/figures/overview/{n}.png" for n in ("campaign", *STUDY)} & {*of_shard}


def test_kappa_of_rounds_is_kept_where_it_is_a_criterion(ask):
    rounds = [Round("results/Si-227/round_00"), Round("results/Si-227/round_01")]
    paths = ask(rounds={"physics": ["kappa"]}).kappa_of_rounds(rounds)
    assert len(paths) == 2 * len(ask().members)
    assert paths[0] == "results/Si-227/round_00/conductivity/member_0.json"
    assert "round_01" in paths[-1]
    assert ask(rounds={"physics": []}).kappa_of_rounds(rounds) == []


def test_the_shared_model_leaves_out(ask):
    assert ask(shared={"leave_out": [CUI]}).shared_materials() == [SI]


def test_cells_that_seeds_need(ask):
    own = ask(seeds=[{"kind": "rattled", "count": 12, "supercell": "phonon"}])
    assert own.cells_of_seeds() == {"phonon": "results/{material}/structure/phonon.extxyz"}
    thermal = ask(seeds=[{"kind": "harmonic", "count": 12, "supercell": "phonon"}])
    assert thermal.cells_of_seeds() == own.cells_of_seeds()
    assert ask(seeds=[{"kind": "rattled", "count": 12}]).cells_of_seeds() == {}


def test_reference_dynamics_are_the_users_or_the_aimd_seeds(ask):
    seeds = [{"kind": "rattled", "count": 9}, {"kind": "aimd", "steps": 4}]
    own = ask(seeds=seeds).reference_dynamics(job())
    assert own == ["results/Si-227/seeds/aimd_1.extxyz"]
    one = ask(seeds=seeds, verdict={"reference": "md/{material}.son"})
    assert one.reference_dynamics(job()) == ["md/Si-227.son"]
    several = ask(verdict={"reference": ["a.nc", "b.extxyz"]})
    assert several.reference_dynamics(job(CUI)) == ["a.nc", "b.extxyz"]


def test_netcdf_files_of_the_user_may_hold_force_constants(ask):
    seeds = [{"kind": "frames", "path": "{material}.nc"}, {"kind": "frames", "path": "b.extxyz"}]
    files = ask(seeds=seeds, verdict={"reference": ["md.nc", "{material}.nc"]})
    assert files.netcdf_of_user(job()) == ["Si-227.nc", "md.nc"]
    assert ask(seeds=seeds[1:], verdict={}).netcdf_of_user(job()) == []


def test_an_archive_from_before_error_budgets_asks_for_none(ask, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files, folder = ask(), tmp_path / "results/Si-227"
    assert files.error_budget(job()) == "results/Si-227/error_budget.json"
    folder.mkdir(parents=True)
    (folder / "history.json").write_text("{}")
    assert files.error_budget(job()) == []
    (folder / "round_00").mkdir()
    assert files.error_budget(job()) == "results/Si-227/error_budget.json", "it is made"
    (folder / "round_00").rmdir()
    (folder / "error_budget.json").write_text("{}")
    assert files.error_budget(job()) == "results/Si-227/error_budget.json", "of the archive"


def test_a_foundation_model_is_asked_where_there_is_one(ask):
    model = {"package": "ase", "calculator": "ase.calculators.emt:EMT"}
    without, plain = ask(), ask(foundation={"model": model})
    assert without.baselines() == without.baseline(job()) == without.corrected_baseline(job()) == []
    assert plain.baseline(job()) == "results/Si-227/baseline.json"
    assert plain.baseline(job()) in plain.baselines()
    assert plain.corrected_baseline(job()) == "results/Si-227/baseline/corrected.json"
    assert ask(foundation={"model": model, "correction": False}).corrected_baseline(job()) == []
