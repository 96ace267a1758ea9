"""What the site file of a cluster says about the longest job (profiles/slurm/site.yaml)."""

from __future__ import annotations

import os
from pathlib import Path

from umklapp.errors import InputError
from umklapp.files import read_yaml

SITE_FILE = "profiles/slurm/site.yaml"


def longest_job() -> int | None:
    """Minutes of the longest job that any partition allows; None where the file does not say.

    The file is `$UMKLAPP_SITE`, or `SITE_FILE` in the working directory, as in the profile.

    Raises:
        InputError: the file is not yaml.
    """
    path = Path(os.environ.get("UMKLAPP_SITE", SITE_FILE))
    if not path.is_file():
        return None
    try:
        site = read_yaml(path)
    except InputError as error:
        raise InputError(f"the file of the cluster: {error}") from None
    partitions = site.get("partitions") if isinstance(site, dict) else None
    if not isinstance(partitions, dict):
        return None
    limits = [
        limit.get("max_runtime") if isinstance(limit, dict) else None
        for limit in partitions.values()
    ]
    minutes = [limit for limit in limits if isinstance(limit, int)]
    return max(minutes) if minutes and len(minutes) == len(limits) else None
