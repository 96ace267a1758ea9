"""Which figures a campaign has: lifetimes need rounds that kept them, benchmarks their tables."""

import pytest
from stop_rules import stop_of

from umklapp import config
from umklapp.campaign import figure_files
from umklapp.paths import Results

SI = "Si-227"


@pytest.fixture
def campaign(plain):
    def of(**changes):
        return config.validate({**plain, **changes})

    return of


def test_lifetimes_come_with_kappa_as_a_criterion(campaign, tmp_path):
    places = Results(str(tmp_path)).material(SI)
    assert figure_files.has_lifetimes(campaign(), places)
    assert not figure_files.has_lifetimes(campaign(rounds={"physics": []}), places)


def test_rounds_from_before_lifetimes_are_not_made_again(campaign, tmp_path):
    places = Results(str(tmp_path)).material(SI)
    kappa = tmp_path / f"{SI}/round_00/conductivity/member_0.json"
    kappa.parent.mkdir(parents=True)
    kappa.write_text("{}")
    assert not figure_files.has_lifetimes(campaign(), places)
    kappa.with_name("member_0.modes.hdf5").write_text("")
    assert figure_files.has_lifetimes(campaign(), places)


def test_an_archive_has_lifetimes_where_they_are_in_it(campaign, tmp_path):
    places = Results(str(tmp_path)).material(SI)
    (tmp_path / SI).mkdir()
    (tmp_path / f"{SI}/history.json").write_text("{}")
    assert not figure_files.has_lifetimes(campaign(), places)
    (tmp_path / f"{SI}/lifetimes.json").write_text("{}")
    assert figure_files.has_lifetimes(campaign(), places)


def test_sections_bring_their_figures(campaign, tmp_path):
    places = Results(str(tmp_path)).material(SI)
    assert not {"finetune", "elastic", "green_kubo"} & {*figure_files.names(campaign(), places)}
    asked = campaign(finetune={"labels": "fc/{material}.hdf5"}, elastic={}, green_kubo={})
    assert {"finetune", "elastic", "green_kubo"} <= {*figure_files.names(asked, places)}


def test_one_figure_of_every_material(campaign, tmp_path):
    results = Results(str(tmp_path))
    same = figure_files.by_name(campaign(), results, [SI, "C-227"])
    assert same["kappa"] == [f"{tmp_path}/figures/{key}/kappa.png" for key in (SI, "C-227")]


def test_benchmarks_are_drawn_where_their_tables_are(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = Results("results")
    assert figure_files.of_benchmarks(results) == []
    (tmp_path / "benchmarks/results").mkdir(parents=True)
    (tmp_path / "benchmarks/results/panel.csv").write_text("")
    assert figure_files.of_benchmarks(results) == ["results/figures/benchmarks/panel.png"]


def test_a_material_without_rounds_has_one_figure(campaign, tmp_path):
    model = {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}
    with_rule = campaign(foundation={"model": model, "stop": {}})
    places = Results(str(tmp_path)).material(SI)
    assert len(figure_files.names(with_rule, places)) > 1
    stop_of(done=True).write(places.stop)
    assert figure_files.names(with_rule, places) == ["comparison"]
    assert len(figure_files.names(campaign(foundation={"model": model}), places)) > 1
    stop_of(done=False).write(places.stop)
    assert len(figure_files.names(with_rule, places)) > 1
