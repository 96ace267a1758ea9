"""The page says what the records say: who is trusted and why not, errors and what they contain."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest
import stored_page

from umklapp.errors import InputError
from umklapp.paths import Results
from umklapp.reference.foundation_weights import ModelIdentity
from umklapp.report import advice
from umklapp.report.page import campaign_page, figure_images, quantities, rounds, standing
from umklapp.report.page.sources import of_campaign
from umklapp.transport.baseline_record import Baseline, BaselineAtLattice
from umklapp.transport.kappa_records import Conductivity, KappaNumbers

NOW = 1.8e9


def read(folder):
    return of_campaign(folder, NOW)


def only_row(folder):
    (material,) = read(folder).materials
    return standing.row(material)


class Checked(HTMLParser):
    """Collects tags, ids and addresses, and sees whether every tag is closed."""

    VOID = ("meta", "input", "img", "br", "link", "circle", "rect", "line", "polyline")

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.addresses = [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids += [given["id"]] if "id" in given else []
        self.addresses += [given[name] for name in ("src", "href") if name in given]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A material whose audit has passed, with the verdict of an earlier version."""
    return stored_page.results(tmp_path_factory.mktemp("page") / "results", "passed")


@pytest.fixture(scope="module")
def html(finished):
    return campaign_page.render(read(finished), NOW)


def test_trusted_only_where_nothing_speaks_against_it(tmp_path):
    row = only_row(stored_page.results(tmp_path / "r", "passed", "sound"))
    assert (row.level, row.reasons) == ("trusted", [])
    assert (row.verdict, row.audit) == ("sound", "passed")


@pytest.mark.parametrize(
    ("outcome", "word", "level", "reason"),
    [
        ("passed", "undecided", "doubtful", "undecided"),
        ("passed", "missed event", "doubtful", "rare event"),
        ("failed", "sound", "failed", "the audit failed"),
        ("undecided", "sound", "doubtful", "the audit has too few labels"),
    ],
)
def test_every_doubt_has_its_word_and_reason(tmp_path, outcome, word, level, reason):
    row = only_row(stored_page.results(tmp_path / "r", outcome, word))
    assert row.level == level
    assert any(reason in clause for clause in row.reasons)


def test_a_failed_job_is_a_failure(tmp_path):
    folder = stored_page.results(tmp_path / "r", "passed", "sound")
    log = folder / "logs/bands/Si-227.log"
    log.parent.mkdir(parents=True)
    log.write_text("Traceback\nValueError: no bands\n")
    row = only_row(folder)
    assert row.level == "failed"
    assert row.reasons[0] == "the job bands failed: ValueError: no bands"


def test_a_file_that_is_no_record_is_said_and_the_rest_is_shown(tmp_path):
    folder = stored_page.results(tmp_path / "r", "passed", "sound")
    (folder / "Si-227/effective.json").write_text("{")
    row = only_row(folder)
    assert (row.level, row.boltzmann is not None) == ("failed", True)
    assert "effective.json: not json" in row.reasons[0]


def test_open_rounds_show_no_kappa(tmp_path):
    """κ of an earlier run says nothing while a new round is trained."""
    folder = stored_page.results(tmp_path / "r", "passed", "sound")
    record = json.loads((folder / "Si-227/round_01/assessment.json").read_text())
    record["criteria"]["force"]["met"] = record["converged"] = record["finished"] = False
    (folder / "Si-227/round_01/assessment.json").write_text(json.dumps(record))
    (folder / "campaign.json").write_text(json.dumps({"campaign": {"rounds": {"max": 9}}}))
    row = only_row(folder)
    assert (row.level, row.boltzmann, row.verdict, row.audit) == ("open", None, None, None)
    assert row.reasons == [f"in progress: {row.stage}"]
    assert row.stage.startswith("round 1:")


def test_kappa_is_that_of_the_record(finished):
    row = only_row(finished)
    value, spread = Conductivity.read(finished / "Si-227/conductivity.json").at_room_temperature
    assert (row.boltzmann.value, row.boltzmann.error) == (value, spread)
    assert row.boltzmann.partial == "members only"


def test_a_kappa_far_from_every_published_value_is_said(finished):
    """The stored κ of silicon is a test's, 46.5 against 148 to 156."""
    row = only_row(finished)
    assert standing.apart_from_literature(row).startswith("3.2 times below every")
    html = campaign_page.render(of_campaign(finished, 1.8e9), 1.8e9)
    assert '<small class="apart">κ is 3.2 times below</small>' in html, "on the first screen"
    assert "κ by the Boltzmann equation is 3.2 times below every published value" in html
    near = dataclasses.replace(row, boltzmann=standing.Kappa(140.0, 5.0))
    assert standing.apart_from_literature(near) is None
    above = dataclasses.replace(row, boltzmann=standing.Kappa(312.0, 5.0))
    assert "2.0 times above" in standing.apart_from_literature(above)


def test_a_foundation_model_without_labels_has_its_column(tmp_path):
    folder = stored_page.results(tmp_path / "r", "passed")
    numbers = KappaNumbers(
        temperatures_K=[300.0], kappa_W_per_mK=[120.0], kappa_tensor_W_per_mK=None,
        not_computed=None, lowest_frequency_THz=0.0,
    )  # fmt: skip
    given = BaselineAtLattice(
        lattice="of the campaign", lattice_A=[3.8] * 3, volume_A3_per_atom=20.0, stable=True,
        lowest_frequency_THz=0.0, highest_frequency_THz=15.0, kappa=numbers, sigma_A=0.15,
        sigma_A_error=0.01, supercell_atoms=64, frames=16, pair_cutoff_A=None, seconds=60.0,
    )  # fmt: skip
    model = ModelIdentity(
        name="some-model", package="p", sha256="4ce6" * 16, functional="PBE", licence="MIT",
        source="of a test",
    )  # fmt: skip
    Baseline(
        material="Si-227", model=model, mesh=[11] * 3, given=given, own=None, own_missing=None,
        volume_change=None, non_analytical=None, largest_mean_force_eV_per_A=0.0,
    ).write(folder / "Si-227/baseline.json")  # fmt: skip
    row = only_row(folder)
    assert (row.baseline.value, row.baseline.error) == (120.0, None)
    (material,) = read(folder).materials
    name = "some-model (PBE), zero labels, lattice of the campaign"
    assert quantities.kappa_table(material)["method"].tolist().count(name) == 1
    html = campaign_page.render(read(folder), NOW)
    assert "κ without labels" in html
    assert name in html


def test_an_archive_has_the_same_kappa(finished, tmp_path):
    from umklapp.report import archive

    for path in archive.files(finished, ["Si-227"]):
        copy = tmp_path / path.relative_to(finished)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    row = only_row(tmp_path)
    assert row.stage == "finished (archive)"
    assert row.boltzmann == only_row(finished).boltzmann
    assert campaign_page.render(read(tmp_path), NOW)


def test_labels_by_fate(finished):
    (material,) = read(finished).materials
    last = rounds.steps(material)[-1]
    assert (last.chosen, last.random, last.failed, last.audit_labels) == (2, 2, 1, 4)
    assert (last.new_mae, last.wanted, last.audit_outcome) == (0.007, 0.02, "passed")
    assert f"round {last.round_index}: 2 uncertain frames, labelled" in rounds.chart([last])


def test_every_number_has_what_its_error_contains(finished):
    (material,) = read(finished).materials
    known = quantities.quantities(material)
    assert {"W/(m K)", "THz", "meV/Å", "GPa", "Å"} <= {one.unit for one in known}
    assert all(one.contains for one in known if "±" in one.text)


def test_the_page_needs_no_network_and_is_whole(html):
    checked = Checked()
    checked.feed(html)
    assert checked.open == []
    assert all(
        address.startswith(("#", "data:image/webp;base64,")) for address in checked.addresses
    )
    assert not re.search(r"url\(|@import|https?://(?!www\.w3\.org)", html)
    assert len(checked.ids) - len(set(checked.ids)) == 0


def test_the_page_says_its_words(html):
    for text in (
        "Si-227",
        "audit: passed",
        "not to be trusted yet",
        "members only",
        "umklapp report",
    ):
        assert text in html
    assert advice.VERDICT_DOUBTS["undecided"] in html


def test_names_from_files_are_escaped(tmp_path):
    folder = stored_page.results(tmp_path / "r")
    (folder / "campaign.json").write_text(json.dumps({"campaign": {"name": "<script>1</script>"}}))
    assert "<script>1" not in campaign_page.render(read(folder), NOW)


def test_images_shrink_to_the_width_of_the_page(finished):
    (figure,) = figure_images.figures(Results(str(finished)), "Si-227")
    assert (figure.name, figure.width, figure.height) == ("kappa", 1000, 500)
    assert "Si-227" in figure.caption
    assert len(figure.uri) < 5000


def test_a_caption_for_every_figure_that_has_a_title():
    for name in figure_images.TITLES:
        assert "snakemake" not in figure_images.caption(name, "X-1")


def test_what_is_no_results_folder(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read(tmp_path / "none")
    with pytest.raises(InputError, match="no material in it"):
        read(tmp_path)


def test_write_returns_the_file_beside_the_results(tmp_path):
    path = campaign_page.write(stored_page.results(tmp_path / "r"))
    assert path == tmp_path / "r/campaign.html"
    assert path.stat().st_size > 20_000


@pytest.mark.parametrize(
    ("value", "end"),
    [(59.7, 60.0), (6.1, 8.0), (0.23, 0.25), (1.0, 1.0), (99.0, 100.0), (0.0, 1.0)],
)
def test_an_axis_of_the_rounds_ends_at_a_round_number(value, end):
    assert rounds.round_up(value) == pytest.approx(end)
