"""Data sets on NOMAD, against a server of our own on 127.0.0.1 that breaks in every documented way.

Nothing here was tried on the live server.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml
from conftest import ROOT, diamond, label, rattled
from logged import logged
from nomad_server import DOI, Store, http_date, running
from pydantic import ValidationError
from vibes_files import dynamics, write_son

from umklapp import config
from umklapp.crystals import frames
from umklapp.errors import CalculationError, InputError
from umklapp.learning.seeds import downloads, nomad
from umklapp.learning.seeds.downloads import download
from umklapp.web import Client


def content(seed, size=20_000):
    return np.random.default_rng(seed).bytes(size)


@pytest.fixture
def store():
    """Two uploads: silicon with single calculations below its trajectories, and others."""
    made = Store()
    for n in range(3):
        made.add("up1", f"Si/run_{n}/trajectory.son", content(n))
        made.add("up1", f"Si/run_{n}/md.in", b"[md]")
        made.add("up1", f"Si/run_{n}/calculations/aims.out", b"Invoking FHI-aims")
        made.entry("up1", f"Si/run_{n}/calculations/aims.out", "Si")
    made.add("up2", "CuI/trajectory.son", content(9))
    made.add("up2", "CuI/aims.out", b"")
    made.entry("up2", "CuI/aims.out", "CuI")
    made.add("up2", "SiC/trajectory.son", content(8))
    made.entry("up2", "SiC/trajectory.son", "CSi")
    return made


@pytest.fixture
def base(store):
    with running(store) as address:
        yield address


@pytest.fixture
def server(base):
    return Client(base, interval=0.0, patience=5.0, timeout=5.0, first_pause=0.05)


def seed(base, **more):
    return config.NomadSeed(server=base, interval=0, patience=5, **more)


def silicon(base, server, **more):
    return nomad.listing(server, seed(base, **more), "Si")


def test_listing_names_files_and_sizes_of_the_material_only(base, server, store):
    found = silicon(base, server)
    assert found.entries == 3
    assert found.data_set == {"dataset_id": "d1", "dataset_name": "aiGK", "doi": DOI}
    assert found.files == [
        nomad.ListedFile(upload="up1", path=f"Si/run_{n}/trajectory.son", size=20_000)
        for n in range(3)
    ]
    assert found.megabytes == 0.06
    assert not [path for _, _, path, _ in store.log if "/raw/" in path]  # nothing was downloaded


def test_folders_above_are_looked_into_as_often_as_asked(base, server):
    assert silicon(base, server, parents=0).files == []
    assert len(silicon(base, server, parents=2).files) == 3


def test_order_of_elements_in_the_formula_does_not_matter(base, server):
    for formula in ("CuI", "ICu", "Cu2I2"):
        found = nomad.listing(server, seed(base), formula)
        assert [file.path for file in found.files] == ["CuI/trajectory.son"]


def test_pages_are_followed_to_the_end(base, server, store, monkeypatch):
    for n in range(3, 30):
        store.add("up1", f"Si/run_{n}/trajectory.son", content(n, 10))
        store.entry("up1", f"Si/run_{n}/trajectory.son", "Si")
    monkeypatch.setattr(nomad, "PAGE", 7)
    found = silicon(base, server)
    assert (found.entries, len(found.files)) == (30, 30)
    queries = [path for _, kind, path, _ in store.log if kind == "POST"]
    assert len(queries) == 2 * 5  # 31 entries with silicon, seven at a time, twice


def test_missing_material_is_a_listing_without_files_and_then_an_error(base, server, tmp_path):
    found = nomad.listing(server, seed(base), "MgO")
    assert (found.entries, found.files) == (0, [])
    with pytest.raises(InputError, match=r"0 entries of MgO .* leave this seed out"):
        nomad.fetch(server, seed(base), found, tmp_path)


def test_unknown_doi(base, server):
    with pytest.raises(InputError, match=r"no data set has the DOI 10\.1/none"):
        silicon(base, server, doi="10.1/none")


def test_download_and_manifest(base, server, store, tmp_path):
    manifest = nomad.fetch(server, seed(base), silicon(base, server), tmp_path)
    for n, file in enumerate(manifest.files):
        got = (tmp_path / "up1" / f"Si/run_{n}/trajectory.son").read_bytes()
        assert got == content(n)
        assert file.sha256 == hashlib.sha256(content(n)).hexdigest()
    before = len(store.log)
    again = nomad.fetch(server, seed(base), manifest, tmp_path)
    assert len(store.log) == before  # all there: nothing is asked for
    assert [f.sha256 for f in again.files] == [f.sha256 for f in manifest.files]


@pytest.mark.parametrize("kind", ["cut", "short"])
def test_connection_that_breaks_is_resumed_where_it_broke(base, server, store, tmp_path, kind):
    store.faults["run_1/trajectory"] = [(kind, 7000), (kind, 5000)]
    nomad.fetch(server, seed(base), silicon(base, server), tmp_path)
    assert (tmp_path / "up1/Si/run_1/trajectory.son").read_bytes() == content(1)
    offsets = [q.get("offset") for _, _, p, q in store.log if "raw/Si/run_1" in p]
    assert len(offsets) == 3
    assert offsets[0] is None
    assert 0 < int(offsets[1][0]) <= 7000 < int(offsets[2][0]) <= 12000


def test_a_job_that_was_killed_goes_on(base, server, store, tmp_path):
    part = tmp_path / "up1/Si/run_0/trajectory.son.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content(0)[:12_345])
    nomad.fetch(server, seed(base), silicon(base, server), tmp_path)
    assert (tmp_path / "up1/Si/run_0/trajectory.son").read_bytes() == content(0)
    assert [q for _, _, p, q in store.log if "raw/Si/run_0" in p] == [{"offset": ["12345"]}]


def test_server_without_offsets_starts_again(base, server, store, tmp_path):
    store.ignores_offset = True
    part = tmp_path / "up1/Si/run_0/trajectory.son.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(content(0)[:500])
    nomad.fetch(server, seed(base), silicon(base, server), tmp_path)
    assert (tmp_path / "up1/Si/run_0/trajectory.son").read_bytes() == content(0)


def test_endless_breaks_are_an_error_and_keep_what_came(base, server, store, tmp_path):
    store.faults["run_1/trajectory"] = [("cut", 3000)] + [("cut", 0)] * 10
    with pytest.raises(CalculationError, match=r"no more than \d+ of 20000 bytes .* run again"):
        nomad.fetch(server, seed(base), silicon(base, server), tmp_path)
    assert (tmp_path / "up1/Si/run_0/trajectory.son").read_bytes() == content(0)
    assert (tmp_path / "up1/Si/run_2/trajectory.son").read_bytes() == content(2)
    assert 0 < (tmp_path / "up1/Si/run_1/trajectory.son.part").stat().st_size <= 3000


def test_wrong_checksum_discards_that_file_and_no_other(base, server, store, tmp_path):
    sums = {
        f"up1/Si/run_{n}/trajectory.son": hashlib.sha256(content(n)).hexdigest() for n in (0, 1)
    }
    path = tmp_path / "sums.json"
    path.write_text(json.dumps(sums))
    chosen = seed(base, checksums=str(path))
    store.faults["run_1/trajectory"] = [("other", content(77))]
    found = silicon(base, server)
    with pytest.raises(CalculationError) as caught:
        nomad.fetch(server, chosen, found, tmp_path)
    message = str(caught.value)
    assert "up1/Si/run_1/trajectory.son" in message
    assert hashlib.sha256(content(77)).hexdigest() in message
    assert sums["up1/Si/run_1/trajectory.son"] in message
    assert "run_0" not in message
    assert sorted(p.name for p in (tmp_path / "up1/Si/run_1").iterdir()) == []
    assert (tmp_path / "up1/Si/run_2/trajectory.son").read_bytes() == content(2)
    manifest = nomad.fetch(server, chosen, found, tmp_path)  # the server is well again
    assert [file.sha256 for file in manifest.files[:2]] == list(sums.values())


def test_manifest_of_one_download_checks_the_next(base, server, store, tmp_path):
    manifest = nomad.fetch(server, seed(base), silicon(base, server), tmp_path / "a")
    path = tmp_path / "manifest.json"
    manifest.write(path)
    store.uploads["up1"]["Si/run_2/trajectory.son"] = content(5)  # changed on the server
    with pytest.raises(CalculationError, match=r"run_2/trajectory\.son: .*SHA-256 is"):
        nomad.fetch(server, seed(base, checksums=str(path)), silicon(base, server), tmp_path / "b")


def test_larger_file_than_listed_is_discarded(base, server, store, tmp_path):
    found = silicon(base, server)
    store.uploads["up1"]["Si/run_1/trajectory.son"] = content(1, 30_000)
    with pytest.raises(CalculationError, match=r"the listing says 20000; the file is deleted"):
        nomad.fetch(server, seed(base), found, tmp_path)
    assert not list((tmp_path / "up1/Si/run_1").iterdir())


def test_more_than_allowed_is_an_error_before_any_download(base, server, store, tmp_path):
    found = silicon(base, server)
    with pytest.raises(InputError, match=r"Si has 0 MB in 3 files, max_megabytes is 0\.05"):
        nomad.fetch(server, seed(base, max_megabytes=0.05), found, tmp_path)
    assert not [path for _, _, path, _ in store.log if "/raw/" in path]


def test_full_disk_is_named_before_any_download(base, server, store, tmp_path, monkeypatch):
    found = silicon(base, server)
    usage = type("usage", (), {"free": 59_999})
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(CalculationError, match=r"0 MB are to be downloaded, the disk has"):
        nomad.fetch(server, seed(base), found, tmp_path)
    assert not [path for _, _, path, _ in store.log if "/raw/" in path]


LEAVING = [
    "../../etc/passwd",
    "/etc/passwd",
    "a/../../../b",
    "",
    ".",
    "a//b",
    "~/b",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\x1b[2Jb",
    "x" * 300,
]


@pytest.mark.parametrize("path", LEAVING)
def test_a_path_never_leaves_its_folder(tmp_path, path):
    with pytest.raises(InputError, match="leaves its folder"):
        nomad.safe_path(tmp_path, "up", path)


@pytest.mark.parametrize("upload", [*LEAVING, "..", "up/.."])
def test_an_upload_never_leaves_its_folder(tmp_path, upload):
    with pytest.raises(InputError, match="leaves its folder"):
        nomad.safe_path(tmp_path, upload, "a/b")


def test_a_link_in_the_folder_is_not_followed_out_of_it(tmp_path):
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/up").symlink_to(tmp_path)
    with pytest.raises(InputError, match="leaves its folder"):
        nomad.safe_path(tmp_path / "inside", "up", "b")
    assert nomad.safe_path(tmp_path, "up", "a/b") == tmp_path / "up/a/b"


def test_an_upload_of_the_servers_choosing_is_not_written(base, server, tmp_path):
    """End to end: listing says an absolute upload, nothing is asked for or written."""
    listed = silicon(base, server)
    outside = tmp_path / "outside"
    moved = [file.model_copy(update={"upload": str(outside)}) for file in listed.files]
    with pytest.raises(InputError, match="leaves its folder"):
        nomad.fetch(server, seed(base), listed.model_copy(update={"files": moved}), tmp_path / "in")
    assert not outside.exists()


def test_a_listing_that_goes_round_ends_with_an_error():
    """Cursors a, b, a, b, …: not only the last one counts."""

    class Round:
        base = "here/"
        asked = 0

        def json(self, path, body):
            self.asked += 1
            following = "ab"[self.asked % 2]
            return {"data": [{}], "pagination": {"next_page_after_value": following}}

    server = Round()
    with pytest.raises(CalculationError, match=r"twice, .* its listing has no end"):
        list(nomad.pages(server, "entries/query", {}))
    assert server.asked == 3


# the client


@pytest.mark.parametrize("code", [429, 502, 503, 504])
def test_a_busy_server_is_waited_for(base, server, store, code):
    store.faults["datasets"] = [("status", code, {"Retry-After": "0.3"})] * 2
    begin = time.monotonic()
    assert nomad.data_set(server, DOI)["dataset_name"] == "aiGK"
    assert 0.6 <= time.monotonic() - begin < 3
    assert len(store.log) == 3


def test_retry_after_as_a_date(base, server, store):
    store.faults["datasets"] = [("status", 503, {"Retry-After": http_date(2)})]
    begin = time.monotonic()
    nomad.data_set(server, DOI)
    assert 0.9 <= time.monotonic() - begin < 3  # a date has whole seconds


def test_patience_ends_before_a_wait_that_is_too_long(base, server, store):
    store.faults["datasets"] = [("status", 503, {"Retry-After": "3600"})]
    begin = time.monotonic()
    with pytest.raises(CalculationError, match=r"busy \(503, next try after 3600 s\); run again"):
        nomad.data_set(server, DOI)
    assert time.monotonic() - begin < 2


def test_requests_keep_their_distance(base, store):
    polite = Client(base, interval=0.2, patience=5, timeout=5, first_pause=0.05)
    for _ in range(3):
        nomad.data_set(polite, DOI)
    times = [when for when, *_ in store.log]
    assert np.diff(times).min() > 0.18


def test_server_that_is_not_there():
    gone = Client(
        "http://127.0.0.1:9/api/v1", interval=0.0, patience=5, timeout=2, first_pause=0.05
    )
    with pytest.raises(CalculationError, match=r"cannot be reached .* is there a network"):
        nomad.data_set(gone, DOI)


def test_what_the_server_refuses_is_told(base, server, tmp_path):
    with pytest.raises(InputError, match=r"404 Not found\. Invalid path\?"):
        download(server, "uploads/up1/raw/nothing", tmp_path / "x", 5)


def test_an_empty_file(server, store, tmp_path):
    found = download(server, "uploads/up2/raw/CuI/aims.out", tmp_path / "x", 0)
    assert found == hashlib.sha256(b"").hexdigest()
    assert (tmp_path / "x").read_bytes() == b""


def test_checksum_of_a_large_file(tmp_path):
    path = tmp_path / "large"
    path.write_bytes(content(1, 3_000_000))
    assert downloads.sha256(path) == hashlib.sha256(content(1, 3_000_000)).hexdigest()


# frames


def test_another_polymorph_is_left_out(tmp_path):
    other = diamond()
    other.set_cell(other.cell * 1.2, scale_atoms=True)
    steps = [(label(rattled(1, atoms=other)), np.zeros((8, 3)))] * 3
    files = []
    for name, what in (("a", steps), ("b", dynamics(4))):
        place = str(write_son(tmp_path / f"{name}.son", what))
        files.append(nomad.DownloadedFile(upload="u", path=name, size=1, local=place, sha256="s"))
    manifest = nomad.NomadManifest(
        data_set={}, formula="Si", entries=2, megabytes=0.0, server="", files=files
    )
    cell = diamond(cubic=False)
    with logged() as messages:
        assert nomad.of_material(manifest, cell, 0) == [tmp_path / "b.son"]
    assert "left out" in messages[0]
    with pytest.raises(InputError, match="none of 1 files of Si is a supercell"):
        nomad.of_material(manifest.model_copy(update={"files": files[:1]}), cell, 0)
    (tmp_path / "b.son").unlink()
    with pytest.raises(InputError, match=r"b\.son: downloaded once, now gone"):
        nomad.of_material(manifest.model_copy(update={"files": files[1:]}), cell, 0)


def snakemake(folder, plain, *arguments):
    path = folder / "campaign.yaml"
    path.write_text(yaml.safe_dump(plain))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", str(path)]
    done = subprocess.run(
        [*command, "--cores", "2", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
        env={**__import__("os").environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
def test_seeds_from_the_server_to_the_split(base, store, plain, tmp_path):
    """Snakemake alone: sizes without a download; a broken job; the seeds; then other thinning."""
    for n in range(3):
        write_son(tmp_path / "made.son", dynamics(8))
        store.uploads["up1"][f"Si/run_{n}/trajectory.son"] = (tmp_path / "made.son").read_bytes()
    plain["seeds"] = [{"kind": "nomad", "server": base, "interval": 0.0, "patience": 2, "every": 2}]
    plain["materials"]["relax"] = False
    plain["results"] = "out"
    status, said = snakemake(tmp_path, plain, "nomad_sizes")
    assert status == 0, said
    sizes = json.loads((tmp_path / "out/nomad_sizes.json").read_text())
    assert sizes["materials"]["Si-227 nomad_0"]["files"] == 3
    assert not [path for _, _, path, _ in store.log if "/raw/" in path]
    store.faults["run_2/trajectory"] = [("cut", 4000)] + [("cut", 0)] * 20
    target = "out/Si-227/seeds/train.extxyz"
    status, said = snakemake(tmp_path, plain, target, "--retries", "0")
    assert status != 0
    store.faults.clear()
    asked = len(store.log)
    status, said = snakemake(tmp_path, plain, target)
    assert status == 0, said
    raw = [(path, query) for _, _, path, query in store.log[asked:] if "/raw/" in path]
    assert len(raw) == 1  # the broken file alone, from where it broke
    assert int(raw[0][1]["offset"][0]) > 0
    parts = [
        frames.read_labels(tmp_path / f"out/Si-227/seeds/{name}.extxyz")
        for name in ("train", "calibration", "test")
    ]
    assert sum(map(len, parts)) == 4  # every second of 8 frames; the three files hold the same
    assert {frame.info["material"] for part in parts for frame in part} == {"Si-227"}
    plain["seeds"][0]["every"] = 1
    asked = len(store.log)
    status, said = snakemake(tmp_path, plain, target)
    assert status == 0, said
    assert len(store.log) == asked  # nothing is downloaded again


@pytest.mark.parametrize(
    "answer",
    [
        {"data": [{"results": []}]},
        {"data": None},
        {"data": [5]},
        {"data": [{}], "pagination": []},
        {"data": [{"dataset_id": "d"}], "pagination": {"next_page_after_value": {"a": 1}}},
    ],
)
def test_an_answer_in_another_form_is_named(answer):
    class Other:
        base = "http://other/"

        def json(self, path, query=None, body=None):
            return {"data": [{"dataset_id": "d"}]} if path == "datasets/" else answer

    with pytest.raises(CalculationError, match="http://other/: answers in another form"):
        nomad.listing(Other(), seed("http://other/"), "Si")


@pytest.mark.parametrize(
    ("upload", "path", "size"), [("up", "a/b", -1), ("", "a", 1), ("u?x", "a", 1), ("up", "", 1)]
)
def test_files_that_nobody_can_have_are_no_listing(upload, path, size):
    with pytest.raises(ValidationError):
        nomad.ListedFile(upload=upload, path=path, size=size)


@pytest.mark.parametrize("formula", ["Si99999999999", "(SiO2)9999999", "Qq", "M" * 500])
def test_a_formula_of_the_server_is_looked_at_before_anything_is_built(formula):
    entry = {"results": {"material": {"chemical_formula_reduced": formula}}}
    with pytest.raises(ValueError, match="formula"):
        nomad._is(entry, "Si")


def test_a_listing_of_ever_new_pages_ends(monkeypatch):
    monkeypatch.setattr(nomad, "LAST_PAGE", 50)

    class Endless:
        base, asked = "here/", 0

        def json(self, path, body):
            self.asked += 1
            return {"data": [], "pagination": {"next_page_after_value": str(self.asked)}}

    with pytest.raises(CalculationError, match="no end"):
        list(nomad.pages(Endless(), "entries/query", {}))
