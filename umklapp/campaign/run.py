"""One run of a campaign: its configuration, the materials it works on, and what their jobs need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pandas as pd

from umklapp.campaign import last_run, shards, site_file, sizes
from umklapp.campaign.job_resources import JobResources
from umklapp.campaign.last_run import LastRun
from umklapp.campaign.parameters import Parameters
from umklapp.campaign.requests import Requests
from umklapp.campaign.shards import Shard
from umklapp.config import Campaign, validate
from umklapp.crystals import materials
from umklapp.paths import Results


@dataclass(frozen=True)
class Run:
    """What the workflow is made of.

    Args:
        campaign: the configuration, its seeds and label chunks as the results have them.
        asked: as the user wrote it. last: what the campaign was in its last run.
        shard: the part of it that this run works on; None for all.
        table: rows of all known materials by their keys. materials: keys of this run.
        requests: files that a job reads. parameters: settings that its result depends on.
        resources: memory and wall time that it asks for.
    """

    campaign: Campaign
    asked: Campaign
    last: LastRun | None
    shard: Shard | None
    table: pd.DataFrame
    materials: list[str]
    requests: Requests
    parameters: Parameters
    resources: JobResources

    @property
    def results(self) -> Results:
        """Where all results lie."""
        return Results(self.campaign.results)


def prepare(raw: Mapping[str, Any], shard: object = None, check: bool = True) -> Run:
    """The run that a configuration asks for.

    Args:
        raw: the configuration as read from yaml. shard: `number/count`, or None for all materials.
        check: look at every file that the configuration names; a job need not do it again.

    Raises:
        InputError: naming file, key and value.
    """
    asked, part = validate(raw, source="the configuration"), shards.parse(shard)
    last = last_run.read(Path(Results(asked.results).last_run))
    campaign = last_run.settled(asked, last)
    chosen = campaign.materials
    table = materials.read_table(chosen.table)
    keys = materials.selected(table, chosen.select, chosen.table)
    expected = {key: sizes.expected(cast(pd.Series, table.loc[key]), chosen) for key in keys}
    if check:
        from umklapp.campaign import checks  # with every file format: a job starts without

        checks.check_campaign(campaign, keys)
    if part:
        keys = part.of(keys, {key: expected[key]["sampling"] for key in keys})
    if check:
        checks.check(checks.of_materials(campaign, keys))  # a shard looks at its own
    species = materials.species(table, keys)
    return Run(
        campaign=campaign,
        asked=asked,
        last=last,
        shard=part,
        table=table,
        materials=keys,
        requests=Requests(campaign, keys, species, part),
        parameters=Parameters(campaign, table),
        resources=JobResources(campaign, expected, site_file.longest_job()),
    )
