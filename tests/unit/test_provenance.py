"""Hashes, seeds, records."""

import json
import re
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import umklapp
from umklapp import provenance
from umklapp.files import write_json

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), json_like))
def test_digest_ignores_the_order_of_keys(value):
    turned = dict(reversed(value.items()))
    assert provenance.digest(value) == provenance.digest(turned)
    assert re.fullmatch("[0-9a-f]{12}", provenance.digest(value))


def test_digest_tells_values_apart():
    values = [None, 0, 1, "1", 1.5, [1], [1, 2], [2, 1], {"a": 1}, {"b": 1}, {"a": 2}, "", []]
    assert len({provenance.digest(value) for value in values}) == len(values)
    assert len(provenance.digest(1, 20)) == 20
    assert provenance.digest({"ecut": 300}) == "147243c1746d"  # part of ledgers on disk


def test_file_digest(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abc")
    (tmp_path / "c").write_bytes(b"abd")
    a, b, c = (provenance.file_digest(tmp_path / name) for name in "abc")
    assert a == b == "ba7816bf8f01cfea"  # SHA-256 of "abc" is a published test vector
    assert a != c


@given(st.integers(0, 2**40), st.lists(st.text(max_size=5), max_size=3))
def test_seeds_repeat_and_differ(root, parts):
    seed = provenance.seed_for(root, *parts)
    assert 0 <= seed < 2**32
    assert seed == provenance.seed_for(root, *parts)
    assert seed != provenance.seed_for(root + 1, *parts)
    assert seed != provenance.seed_for(root, *parts, "more")


def test_seeds_of_parts_that_join_to_the_same_text():
    assert provenance.seed_for(1, "ab", "c") != provenance.seed_for(1, "a", "bc")
    assert provenance.seed_for(1, "a", 1) == provenance.seed_for(1, "a", "1")  # wildcards are text


def test_generators_are_the_same_stream():
    one, two, other = (
        provenance.generator(1, "Si-227", purpose).normal(size=5)
        for purpose in ("rattled", "rattled", "md")
    )
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 0.01


def test_record_names_versions_code_and_more():
    record = provenance.record(seed=3, settings={"a": 1})
    assert record["versions"]["umklapp"] == umklapp.__version__
    assert {"python", "ase", "phonopy", "phono3py", "gpaw"} <= set(record["versions"])
    assert re.fullmatch(r"[0-9a-f]{12}(\+changes\.[0-9a-f]{6})?|unknown", record["code"])
    assert (record["seed"], record["settings"]) == (3, {"a": 1})
    json.dumps(record)


def test_json_with_numpy_and_paths(tmp_path):
    path = tmp_path / "deep" / "file.json"
    value = {"array": np.arange(3.0), "number": np.float64(0.1), "whole": np.int64(3), "path": path}
    write_json(path, value | {"flag": np.bool_(True), "none": None})
    assert json.loads(path.read_text()) == {
        "array": [0.0, 1.0, 2.0],
        "number": 0.1,
        "whole": 3,
        "path": str(path),
        "flag": True,
        "none": None,
    }
    assert [each.name for each in path.parent.iterdir()] == ["file.json"]


@pytest.mark.parametrize("bad", [float("nan"), np.float64("inf"), np.array([1.0, np.nan])])
def test_json_never_holds_what_is_not_finite(tmp_path, bad):
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": bad})
    assert json.loads(path.read_text()) == {"a": 1}  # the old file is whole
    assert [each.name for each in tmp_path.iterdir()] == ["file.json"]


def test_changes_on_top_of_changes_are_another_state(tmp_path, monkeypatch):
    """A tree that was changed in the last run, too, must not look the same."""
    module = tmp_path / "umklapp" / "provenance.py"
    module.parent.mkdir()
    module.write_text("1\n")
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", "-C", str(tmp_path), *names, *command], check=True)
    monkeypatch.setattr(provenance, "__file__", str(module))
    states = [provenance.code_state()]
    for text in ("2\n", "3\n", "1\n"):
        module.write_text(text)
        states.append(provenance.code_state())
    assert len(set(states)) == 3
    assert states[0] == states[3]
    assert all("+changes." in state for state in states[1:3])
