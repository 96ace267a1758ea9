"""The Materials Project client against a server on this machine that speaks the documented API."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest
from ase import Atoms
from ase.build import bulk
from project_documents import document

from umklapp.crystals import materials, materials_project, symmetry
from umklapp.errors import InputError

KEY = "0123456789abcdef0123456789abcdef"


class Server(ThreadingHTTPServer):
    """Answers `GET /materials/summary/`, and with `faults` first."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.known = {"mp-149": document("mp-149", bulk("Si", a=5.469))}
        self.asked, self.faults = [], []


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, body, **headers):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self.server.asked.append((parts.path, query))
        if self.server.faults:
            fault = self.server.faults.pop(0)
            if fault == "cut":
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b'{"data": [')
                return
            if fault == "text":
                self.answer(200, b"<html>busy</html>")
                return
            self.answer(*fault) if isinstance(fault, tuple) else self.answer(fault, {})
            return
        if self.headers.get("X-API-KEY") != KEY:
            self.answer(401, {"message": "No API key found in request"})
        elif parts.path != "/materials/summary/" or query["_fields"] != "material_id,structure":
            self.answer(404, {"detail": "Not Found"})
        else:
            document = self.server.known.get(query["material_ids"])
            found = [document] if document else []
            self.answer(200, {"data": found, "meta": {"total_doc": len(found), "max_limit": 1000}})


@pytest.fixture
def server(monkeypatch):
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("MP_API_KEY", KEY)
        monkeypatch.setenv("MP_API_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
        monkeypatch.setattr(materials_project, "WAIT", 0.01)
        yield running
        running.shutdown()
        thread.join()


def test_a_structure_is_fetched_once(server, tmp_path, monkeypatch):
    atoms = materials_project.structure("mp-149", tmp_path / "new")
    assert atoms.get_chemical_symbols() == ["Si", "Si"]
    assert atoms.cell.volume == pytest.approx(5.469**3 / 4)
    monkeypatch.delenv("MP_API_KEY")  # a job needs neither key nor network
    monkeypatch.setenv("MP_API_ENDPOINT", "http://127.0.0.1:9")
    assert materials_project.structure("mp-149", tmp_path / "new") == atoms
    assert len(server.asked) == 1
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mp-149.json"]
    assert KEY not in (tmp_path / "new" / "mp-149.json").read_text()


def test_a_row_of_the_table_is_built_from_it(server, tmp_path):
    row = pd.Series(
        {
            "material": "Si-227",
            "formula": "Si",
            "space_group": "227",
            "prototype": "mp-149",
            "n_primitive": "2",
        }
    )
    built = materials.build_primitive(row, tmp_path, tmp_path)
    assert (len(built), symmetry.space_group(built)) == (2, 227)
    row["material"], row["space_group"] = "Si-216", "216"
    with pytest.raises(InputError, match=r"Si-216: built space group 227.*Project mp-149"):
        materials.build_primitive(row, tmp_path, tmp_path)


def test_few_digits_are_symmetrised(server, tmp_path):
    """A wurtzite with 1/3 as 0.3333, as old entries have it, is one all the same."""
    atoms = bulk("GaN", "wurtzite", a=3.19, c=5.19)
    atoms.set_scaled_positions(atoms.get_scaled_positions().round(4))
    server.known["mp-804"] = document("mp-804", atoms)
    row = pd.Series(
        {
            "material": "GaN-186",
            "formula": "GaN",
            "space_group": "186",
            "prototype": "mp-804",
            "n_primitive": "4",
        }
    )
    assert symmetry.space_group(materials_project.structure("mp-804", tmp_path)) != 186
    assert symmetry.space_group(materials.build_primitive(row, tmp_path, tmp_path)) == 186


def test_no_key(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", " ")
    with pytest.raises(InputError, match=r"mp-149: a key is needed: .*MP_API_KEY.*mp-149\.json"):
        materials_project.structure("mp-149", tmp_path)
    assert not server.asked


def test_a_refused_key(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", "wrong")
    with pytest.raises(InputError, match=r"refused the key in MP_API_KEY \(HTTP 401\)") as caught:
        materials_project.structure("mp-149", tmp_path)
    assert "wrong" not in str(caught.value)
    assert len(server.asked) == 1


@pytest.mark.parametrize("identifier", ["149", "mp-", "../mp-149", "mp-1&x=2", "mp-A"])
def test_ids_that_are_none(server, tmp_path, identifier):
    with pytest.raises(InputError, match="no id of the Materials Project"):
        materials_project.structure(identifier, tmp_path)
    assert not server.asked


def test_an_unknown_id(server, tmp_path):
    with pytest.raises(InputError, match=r"mp-999999: .* knows no such material; check the id"):
        materials_project.structure("mp-999999", tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("faults", [[503], [429, 503, 502], ["cut"], ["text", 500]])
def test_passing_faults_are_waited_for(server, tmp_path, faults):
    server.faults = list(faults)
    assert len(materials_project.structure("mp-149", tmp_path)) == 2
    assert len(server.asked) == len(faults) + 1


def test_lasting_faults_are_named(server, tmp_path):
    server.faults = [503] * 10
    with pytest.raises(InputError, match=r"could not be asked: HTTP 503.*login node"):
        materials_project.structure("mp-149", tmp_path)
    assert len(server.asked) == materials_project.TRIES
    assert not list(tmp_path.iterdir())


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setenv("MP_API_KEY", KEY)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(materials_project, "WAIT", 0.01)
    with Server() as closed:
        port = closed.server_port
    monkeypatch.setenv("MP_API_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(InputError, match=r"mp-149: 127\.0\.0\.1:\d+ could not be asked: .*refused"):
        materials_project.structure("mp-149", tmp_path)


def test_the_key_does_not_follow_a_redirect(server, tmp_path):
    with Server() as other:
        thread = threading.Thread(target=other.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        target = f"http://127.0.0.1:{other.server_port}/materials/summary/"
        server.faults = [(302, {}), (302, {})]
        original = Handler.end_headers

        def with_location(handler):
            if handler.server is server:
                handler.send_header("Location", target)
            original(handler)

        Handler.end_headers = with_location
        try:
            with pytest.raises(InputError, match="HTTP 302"):
                materials_project.structure("mp-149", tmp_path)
        finally:
            Handler.end_headers = original
            other.shutdown()
            thread.join()
        assert not other.asked


def test_another_scheme(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MP_API_ENDPOINT", "file:///etc")
    with pytest.raises(InputError, match="MP_API_ENDPOINT: 'file:///etc' must begin with https"):
        materials_project.structure("mp-149", tmp_path)


def test_disordered_crystals(server, tmp_path):
    made = document("mp-149", bulk("Si"))
    made["structure"]["sites"][0]["species"] = [
        {"element": "Si", "occu": 0.5},
        {"element": "Ge", "occu": 0.5},
    ]
    server.known["mp-149"] = made
    with pytest.raises(InputError, match="mp-149: disordered"):
        materials_project.structure("mp-149", tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"structure": {}}', "null"])
def test_a_broken_copy_is_named(server, tmp_path, content):
    (tmp_path / "mp-149.json").write_text(content)
    with pytest.raises(InputError, match=r"mp-149\.json: no structure .*; delete it"):
        materials_project.structure("mp-149", tmp_path)


def test_answers_without_data(server, tmp_path):
    server.faults = [(200, {"message": "maintenance"})]
    with pytest.raises(InputError, match=r"answered without data.*maintenance"):
        materials_project.structure("mp-149", tmp_path)


def test_elements_with_a_charge():
    """Entries may be decorated with oxidation states."""
    made = document("mp-1", Atoms("NaCl", positions=[[0, 0, 0], [2.8, 0, 0]], cell=[5.6] * 3))
    for site, state in zip(made["structure"]["sites"], (1, -1), strict=True):
        site["species"][0]["oxidation_state"] = state
    assert materials_project.parse(made).get_chemical_symbols() == ["Na", "Cl"]
