"""Which material is worked on first, and which jobs come before all ranks."""

from types import SimpleNamespace

import pytest
from baselines import at, baseline

from umklapp import config
from umklapp.campaign import checks
from umklapp.campaign.order import Order
from umklapp.errors import InputError
from umklapp.paths import Results
from umklapp.transport.rank_record import Rank

KEYS = ["NaCl-225", "CuI-216", "Si-227"]


def rank(key, sigma, change, stable=True):
    return Rank(
        material=key, model="m", stable=stable, sigma_A=sigma, missed_event=False,
        kappa_change=change, words="",
    )  # fmt: skip


def job(key):
    return SimpleNamespace(material=key)


@pytest.fixture
def order(tmp_path):
    """An order of three materials with their ranks on disk, none of them read yet."""

    def of(**settings):
        section = config.Order(**settings)
        for key, sigma, change in zip(KEYS, (0.3, 0.4, 0.1), (0.5, 0.1, None), strict=True):
            path = tmp_path / key / "rank.json"
            path.parent.mkdir(exist_ok=True)
            rank(key, sigma, change).write(path)
        return Order(section, Results(str(tmp_path)), KEYS)

    return of


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("anharmonicity", ["CuI-216", "NaCl-225", "Si-227"]),
        ("kappa_change", ["NaCl-225", "CuI-216", "Si-227"]),
    ],
)
def test_the_largest_comes_first(order, by, expected):
    made = order(by=by)
    for key in KEYS:
        made.learn(key)
    assert made.ranked() == expected
    priorities = [made.priority("label", job(key)) for key in expected]
    assert priorities == [3, 2, 1]


def test_what_has_no_rank_yet_comes_last(order):
    made = order()
    made.learn("Si-227")
    assert made.ranked()[0] == "Si-227"
    assert made.priority("label", job("Si-227")) > made.priority("label", job("CuI-216")) == 0
    assert made.waits_for("CuI-216")
    assert not made.waits_for("Si-227")


def test_a_later_rank_moves_the_others(order):
    made = order()
    made.learn("Si-227")
    made.learn("CuI-216")
    assert made.priority("train", job("CuI-216")) > made.priority("train", job("Si-227")) > 0


def test_baselines_and_common_jobs_come_before_everything(order):
    made = order()
    for key in KEYS:
        made.learn(key)
    top = made.priority("label", job("CuI-216"))
    for rule in ("structure", "born", "baseline", "rank"):
        assert made.priority(rule, job("Si-227")) > top
    assert made.priority("engine", SimpleNamespace(species="2")) > top


def test_with_a_rehearsal_a_relaxation_waits_its_turn(order, tmp_path):
    made = order(rehearsal=tmp_path / "rehearsal")
    made.learn("CuI-216")
    assert made.priority("structure", job("Si-227")) == 0
    assert made.priority("rank", job("Si-227")) > made.priority("structure", job("CuI-216"))


def test_a_rehearsal_gives_its_files_and_only_those_that_it_has(order, tmp_path):
    folder = tmp_path / "rehearsal/CuI-216"
    folder.mkdir(parents=True)
    (folder / "baseline.json").write_text("{}")
    (folder / "verdict.json").write_text("{}")
    made = order(rehearsal=tmp_path / "rehearsal")
    assert made.baseline(job("CuI-216")) == str(folder / "baseline.json")
    assert made.verdict(job("CuI-216")) == str(folder / "verdict.json")
    assert made.green_kubo(job("CuI-216")) == []
    assert made.waits_for("CuI-216")
    assert not made.waits_for("Si-227"), "it has none, and holds nothing up"


def test_of_its_own_campaign_there_is_the_baseline_alone(order, tmp_path):
    (tmp_path / "CuI-216").mkdir(exist_ok=True)
    (tmp_path / "CuI-216/verdict.json").write_text("{}")
    made = order()
    assert made.baseline(job("CuI-216")) == str(tmp_path / "CuI-216/baseline.json")
    assert made.verdict(job("CuI-216")) == made.green_kubo(job("CuI-216")) == []


def test_without_the_section_nothing_waits(tmp_path):
    assert not Order(None, Results(str(tmp_path)), KEYS).waits_for("CuI-216")


MODEL = {"package": "ase", "calculator": "ase.calculators.lj:LennardJones"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "order needs results of a foundation model.*add a section foundation"),
        (
            {"foundation": {"model": MODEL, "own_lattice": False}},
            "order.by 'kappa_change' compares κ at two lattices: set foundation.own_lattice",
        ),
    ],
)
def test_an_order_by_nothing_is_refused(plain, changes, message):
    with pytest.raises(InputError, match=message):
        config.validate({**plain, "order": {"by": "kappa_change"}, **changes})


def test_a_rehearsal_is_looked_at_before_the_first_job(plain, tmp_path, caplog):
    campaign = config.validate({**plain, "order": {"rehearsal": str(tmp_path)}})
    (problem,) = checks.order_problems(campaign, KEYS)
    assert f"{tmp_path} has the baseline of no selected material" in problem
    path = tmp_path / "CuI-216/baseline.json"
    path.parent.mkdir()
    baseline(at("given", 7.0), None).write(path)
    assert checks.order_problems(campaign, KEYS) == []
    assert "no baseline of NaCl-225, Si-227: they come last" in caplog.text
    path.write_text("{}")
    assert "order.rehearsal: " in checks.order_problems(campaign, KEYS)[0]
