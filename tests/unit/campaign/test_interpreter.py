"""A clone in a folder with a space: jobs start by a path that needs no quotes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from umklapp.campaign.interpreter import link_to, path_for_shell


def test_a_path_without_spaces_stays(tmp_path):
    assert path_for_shell("/opt/env/bin/python", tmp_path / "link") == "/opt/env/bin/python"
    assert not (tmp_path / "link").exists()


def test_the_link_lies_in_the_cache_unless_that_needs_quotes(tmp_path, monkeypatch):
    monkeypatch.setenv("UMKLAPP_CACHE", str(tmp_path))
    one, two = (link_to(f"/my folder/{name}/bin/python") for name in ("one", "two"))
    assert one.parent == two.parent == tmp_path / "environments"
    assert one != two
    monkeypatch.setenv("UMKLAPP_CACHE", str(tmp_path / "my cache"))
    assert link_to("/my folder/one/bin/python") == Path(".snakemake/environment")


@pytest.fixture
def environments(tmp_path, monkeypatch):
    """Two environments whose folders need quotes, and a working folder below them."""
    (tmp_path / "my folder").mkdir()
    monkeypatch.chdir(tmp_path / "my folder")
    for name in ("it's one", "two"):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", name], check=True)
    return [str(Path(name, "bin/python").absolute()) for name in ("it's one", "two")]


def test_the_shell_finds_the_environment(environments):
    """The link follows the environment that is used, also when it led elsewhere before."""
    link = Path(".snakemake/environment")
    for executable in environments:
        for _ in range(2):
            path = path_for_shell(executable, link)
            output = subprocess.check_output(
                f"{path} -c 'import sys; print(sys.prefix)'", shell=True
            )
            assert Path(output.decode().strip()).samefile(Path(executable).parents[1])
    shutil.rmtree("two")  # a broken link is replaced
    path_for_shell(environments[0], link)
    assert link.samefile("it's one")
    assert [entry.name for entry in link.parent.iterdir()] == ["environment"]
