"""The typed configuration: every key a campaign can have, with its unit, default and limits.

An unknown key or an impossible value stops before any job starts. The JSON schema
(`config/schema.json`) and the table in `docs/configuration.md` are generated from these models
by `python -m umklapp.config`; a test keeps them in step.
"""

from umklapp.config.base import Matrix, Section
from umklapp.config.campaign import Campaign, load, parse, validate
from umklapp.config.crystal import (
    AimdSeed,
    FramesSeed,
    GivenLabels,
    HarmonicSeed,
    Materials,
    NomadSeed,
    RattledSeed,
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
from umklapp.config.reference import (
    OPERATION,
    Aims,
    AseCalculator,
    Espresso,
    Gpaw,
    Lookup,
    Program,
    Reference,
    Vasp,
)
from umklapp.config.transport import Conductivity, Phonons, Resources
from umklapp.config.verdict import Verdict

__all__ = [
    "GENERATED",
    "OPERATION",
    "Acquisition",
    "AimdSeed",
    "Aims",
    "AseCalculator",
    "Campaign",
    "Committee",
    "Conductivity",
    "Espresso",
    "Exploration",
    "FramesSeed",
    "GivenLabels",
    "Gpaw",
    "GreenKubo",
    "HarmonicSeed",
    "Lookup",
    "Materials",
    "Matrix",
    "MdExploration",
    "NomadSeed",
    "NptBarostat",
    "Phonons",
    "PoolExploration",
    "Potential",
    "Program",
    "RattledSeed",
    "Reference",
    "Resources",
    "Rounds",
    "Section",
    "Seed",
    "Split",
    "Taylor",
    "Training",
    "Vasp",
    "Verdict",
    "WarmStart",
    "docs_table",
    "load",
    "parse",
    "schema",
    "validate",
]
