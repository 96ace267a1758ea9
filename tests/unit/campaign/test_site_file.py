"""The longest job that the partitions of a cluster allow."""

import pytest

from umklapp.campaign import site_file
from umklapp.errors import InputError


@pytest.fixture
def longest(tmp_path, monkeypatch):
    """The longest job of a site file with this text; None: there is no file."""

    def of(text):
        monkeypatch.setenv("UMKLAPP_SITE", str(tmp_path / "site.yaml"))
        if text is not None:
            (tmp_path / "site.yaml").write_text(text)
        return site_file.longest_job()

    return of


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        (None, None),
        ("", None),
        ("jobs: 100", None),
        ("partitions: {cpu: {max_runtime: 120}, gpu: {max_runtime: 1440, max_gpu: 4}}", 1440),
        ("partitions: {cpu: {max_runtime: 120}, free: {max_gpu: 4}}", None),  # no limit: any time
        ("partitions: {cpu: {max_runtime: 2d}}", None),  # the plugin reads such times
        ("partitions: {cpu: }", None),
        ("partitions: cpu", None),
    ],
)
def test_the_longest_partition(longest, text, minutes):
    assert longest(text) == minutes


def test_a_file_that_is_not_yaml_is_named(longest):
    with pytest.raises(InputError, match=r"cluster: .*site\.yaml: cannot be read"):
        longest("partitions: {cpu: ")


def test_the_example_says_it(root, monkeypatch):
    monkeypatch.setenv("UMKLAPP_SITE", str(root / "profiles/slurm/site.example.yaml"))
    assert site_file.longest_job() == 1440
