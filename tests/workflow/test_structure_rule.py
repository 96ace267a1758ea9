"""The rule that builds structures: every material on its own, and again only when it must."""

import importlib.util
import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
import yaml
from ase.io import read

from umklapp import config
from umklapp.crystals import frames, materials, phonopy_cells, prototypes, supercells
from umklapp.reference.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["Si-227", "CsBr-221", "ZnO-186"]


@pytest.fixture
def place(tmp_path, plain):
    """A campaign of its own with table and library that tests may change."""
    folder = tmp_path / "structures"
    folder.mkdir()
    library = ROOT / "config/structures"
    (folder / prototypes.PROTOTYPES).write_text((library / prototypes.PROTOTYPES).read_text())
    lattices = prototypes.read_yaml(library / prototypes.LATTICES)
    write_lattices(folder, {key: lattices[key] for key in KEYS})
    table = pd.read_csv(ROOT / "config/materials.csv", dtype=str, keep_default_na=False)
    table[table["material"].isin(KEYS)].to_csv(tmp_path / "table.csv", index=False)
    plain["materials"] |= {
        "table": "table.csv",
        "structures": "structures",
        "select": "all",
        "relax": False,
        "sampling_supercell": {"default": "published", "Si-227": {"atoms": 8}},
        "phonon_supercell": "published",
    }
    plain["reference"] = {"engine": "ase", "calculator": "ase.calculators.emt:EMT"}
    (tmp_path / "campaign.yaml").write_text(yaml.safe_dump(plain))
    return tmp_path


def write_lattices(folder, lattices):
    (folder / prototypes.LATTICES).write_text(yaml.safe_dump(lattices))


def snakemake(place, *arguments, **environment):
    targets = [f"results/{key}/structure/structure.json" for key in table_of(place).index]
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")]
    command += ["--configfile", "campaign.yaml", "--cores", "1", *arguments, "--", *targets]
    known = {key: value for key, value in os.environ.items() if not key.startswith("MP_API")}
    done = subprocess.run(
        command, cwd=place, capture_output=True, text=True, check=False, env=known | environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def table_of(place):
    return materials.read_table(place / "table.csv")


def would_run(place):
    """Materials whose structure would be built again."""
    text = snakemake(place, "--dry-run", "--quiet", "host")
    return {key for key in table_of(place).index if f"{key}: build and relax" in text}


def hashes(place):
    return {
        path.relative_to(place): sha256(path.read_bytes()).hexdigest()
        for path in sorted(place.glob("results/*-*/structure/*"))
    }


@pytest.mark.slow
def test_rows_are_built_alone_and_again_only_when_they_change(place):
    snakemake(place)
    for key, wanted in (("Si-227", (2, 8, 216)), ("CsBr-221", (2, 128, 128))):
        record = json.loads((place / f"results/{key}/structure/structure.json").read_text())
        assert tuple(record["atoms"].values()) == wanted
        assert record["space_group"] == int(key.split("-")[1])
        assert record["source"]
        for name, count in record["atoms"].items():
            assert len(read(place / f"results/{key}/structure/{name}.extxyz")) == count
    before = hashes(place)
    assert len(before) == 12
    assert would_run(place) == set()

    table = table_of(place)  # a further row, at the front
    new = table.loc["CsBr-221"].copy()
    new["material"], new["formula"] = "CsCl-221", "CsCl"
    pd.concat([new.to_frame().T, table]).to_csv(place / "table.csv", index=False)
    lattices = prototypes.read_yaml(place / "structures" / prototypes.LATTICES)
    other = {"a": 4.07, "species": {"A": "Cs", "B": "Cl"}, "source": "a test"}
    write_lattices(place / "structures", lattices | {"CsCl-221": other})
    assert would_run(place) == {"CsCl-221"}
    snakemake(place)
    assert {path: value for path, value in hashes(place).items() if path in before} == before

    changed = prototypes.read_yaml(place / "structures" / prototypes.LATTICES)
    changed = {**changed, "ZnO-186": changed["ZnO-186"] | {"u": 0.382}}
    write_lattices(place / "structures", changed)
    assert would_run(place) == {"ZnO-186"}

    table_of(place).drop("ZnO-186").to_csv(place / "table.csv", index=False)
    assert would_run(place) == set()


@pytest.mark.slow
def test_jobs_do_not_ask_the_materials_project(place):
    """What the first start fetched is there: no key and no network in the job."""
    from ase.build import bulk
    from project_documents import document

    table = table_of(place).loc[["Si-227"]]
    table["prototype"] = "mp-149"
    table.to_csv(place / "table.csv", index=False)
    downloads = place / "results/materials_project"
    downloads.mkdir(parents=True)
    (downloads / "mp-149.json").write_text(json.dumps(document("mp-149", bulk("Si", a=5.469))))
    snakemake(place, MP_API_ENDPOINT="http://127.0.0.1:9")
    built = read(place / "results/Si-227/structure/primitive.extxyz")
    assert built.cell.volume == pytest.approx(5.469**3 / 4)
    record = json.loads((place / "results/Si-227/structure/structure.json").read_text())
    assert record["materials_project"] == "mp-149"


def script(root, name):
    """A script of a rule, as a module."""
    spec = importlib.util.spec_from_file_location(name, root / f"scripts/{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_rattled_frames_in_the_supercell_that_is_named(root, tmp_path, plain):
    primitive = materials.build_primitive(
        materials.read_table(root / "config/materials.csv").loc["Si-227"],
        root / "config/structures",
    )
    cells = {"primitive": primitive}
    for name, size in (("sampling", 8), ("phonon", 64)):
        matrix = supercells.nearly_cubic(primitive, size)
        cells[name] = phonopy_cells.supercell(primitive, matrix)
    for name, atoms in cells.items():
        frames.write_frames(tmp_path / f"{name}.extxyz", [frames.strip(atoms)])
    paths = {name: tmp_path / f"{name}.extxyz" for name in cells}
    own = [[1, 0, 0], [0, 1, 0], [0, 0, 3]]
    seeds = [
        (n, {"kind": "rattled", "count": 1, "supercell": said})
        for n, said in enumerate((None, "phonon", own))
    ]
    seeds.append((3, {"kind": "harmonic", "count": 2, "supercell": "phonon"}))
    out, nothing = tmp_path / "made.extxyz", (tmp_path, 10)
    engine = config.parse(config.Reference, plain["reference"])
    script(root, "seed_displaced").main(
        "Si-227", paths, [], seeds, engine, 1, Ledger(tmp_path / "ledger"), nothing, out
    )
    assert [len(atoms) for atoms in frames.read_candidates(out)] == [8, 64, 6, 64, 64, 64]


def test_the_table_of_the_screening_in_its_supercells(root, tmp_path, monkeypatch):
    """One material of each prototype through the script itself, without relaxation."""
    structure = script(root, "structure")
    monkeypatch.chdir(root)
    chosen = config.load(root / "config/screening.yaml").materials
    table = materials.read_table(chosen.table)
    for key in table.drop_duplicates("prototype").index:
        settings = chosen.of(key).model_copy(update={"relax": False})
        out = {name: tmp_path / key / f"{name}.extxyz" for name in ("primitive", "sampling")}
        out |= {"phonon": tmp_path / key / "phonon.extxyz", "record": tmp_path / f"{key}.json"}
        made_of = prototypes.recipe(table.loc[key], chosen.structures)
        structure.main(key, settings, made_of, None, tmp_path, out)
        record = json.loads(out["record"].read_text())
        size = materials.published_size(table.loc[key])
        assert record["atoms"]["sampling"] == (size or record["atoms"]["phonon"])
        assert 128 <= record["atoms"]["sampling"] <= 256
        assert materials.composition(read(out["phonon"])) == materials.composition(
            read(out["primitive"])
        )
