"""The typed configuration: every key a campaign can have, with its unit, default and limits.

An unknown key or an impossible value stops before any job starts. The JSON schema
(`config/schema.json`) and the table in `docs/configuration.md` are generated from these models
by `python -m umklapp.config`; a test keeps them in step.
"""

from umklapp.config.base import Matrix, NearlyCubic, Section, Supercell
from umklapp.config.campaign import Campaign, load, parse, validate
from umklapp.config.crystal import (
    WHICH,
    AimdSeed,
    AseCalculator,
    FramesSeed,
    Gpaw,
    HarmonicSeed,
    Lookup,
    Materials,
    RattledSeed,
    Reference,
    Seed,
    Split,
)
from umklapp.config.documentation import GENERATED, docs_table, schema
from umklapp.config.green_kubo import GreenKubo
from umklapp.config.learning import (
    Acquisition,
    Committee,
    Exploration,
    MdExploration,
    NptBarostat,
    PoolExploration,
    Potential,
    Rounds,
    Taylor,
    Training,
    WarmStart,
)
from umklapp.config.transport import Conductivity, Phonons, Resources
from umklapp.config.verdict import Verdict

__all__ = [
    "GENERATED",
    "WHICH",
    "Acquisition",
    "AimdSeed",
    "AseCalculator",
    "Campaign",
    "Committee",
    "Conductivity",
    "Exploration",
    "FramesSeed",
    "Gpaw",
    "GreenKubo",
    "HarmonicSeed",
    "Lookup",
    "Materials",
    "Matrix",
    "MdExploration",
    "NearlyCubic",
    "NptBarostat",
    "Phonons",
    "PoolExploration",
    "Potential",
    "RattledSeed",
    "Reference",
    "Resources",
    "Rounds",
    "Section",
    "Seed",
    "Split",
    "Supercell",
    "Taylor",
    "Training",
    "Verdict",
    "WarmStart",
    "docs_table",
    "load",
    "parse",
    "schema",
    "validate",
]
