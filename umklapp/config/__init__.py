"""The typed configuration: every key a campaign can have, with its unit, default and limits.

An unknown key or an impossible value stops before any job starts. The JSON schema
(`config/schema.json`) and the table in `docs/configuration.md` are generated from these models
by `umklapp config`; a test keeps them in step.
"""

from umklapp.config.architectures import Allegro, Mace, So3krates
from umklapp.config.audit import Audit
from umklapp.config.base import Matrix, NearlyCubic, Section, Supercell
from umklapp.config.campaign import Campaign, load, parse, validate
from umklapp.config.crystal import (
    WHICH,
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
from umklapp.config.elastic import Elastic
from umklapp.config.exploration import Exploration, MdExploration, NptBarostat, PoolExploration
from umklapp.config.finetune import CurvatureFinetune, CurvatureWeights, OrdinaryWeights
from umklapp.config.foundation import (
    CalculatorModel,
    Foundation,
    FoundationModel,
    NequixModel,
    StopRule,
)
from umklapp.config.green_kubo import GreenKubo
from umklapp.config.labels import LabelKeys
from umklapp.config.low_fidelity import (
    CalculatorSurface,
    CheckpointSurface,
    Distillation,
    LowFidelitySeed,
    OrderBias,
    Pretraining,
    XtbSurface,
)
from umklapp.config.order import Order
from umklapp.config.potential import Committee, Potential, Shared, Taylor
from umklapp.config.reference import (
    OPERATION,
    Aims,
    AseCalculator,
    Espresso,
    FoundationReference,
    Gpaw,
    Lookup,
    Program,
    Reference,
    Vasp,
)
from umklapp.config.rounds import Acquisition, Rounds
from umklapp.config.training import Stage, Training, WarmStart
from umklapp.config.transport import Conductivity, Phonons, Resources
from umklapp.config.verdict import Persistence, Verdict

__all__ = [
    "GENERATED",
    "OPERATION",
    "WHICH",
    "Acquisition",
    "AimdSeed",
    "Aims",
    "Allegro",
    "AseCalculator",
    "Audit",
    "CalculatorModel",
    "CalculatorSurface",
    "Campaign",
    "CheckpointSurface",
    "Committee",
    "Conductivity",
    "CurvatureFinetune",
    "CurvatureWeights",
    "Distillation",
    "Elastic",
    "Espresso",
    "Exploration",
    "Foundation",
    "FoundationModel",
    "FoundationReference",
    "FramesSeed",
    "GivenLabels",
    "Gpaw",
    "GreenKubo",
    "HarmonicSeed",
    "LabelKeys",
    "Lookup",
    "LowFidelitySeed",
    "Mace",
    "Materials",
    "Matrix",
    "MdExploration",
    "NearlyCubic",
    "NequixModel",
    "NomadSeed",
    "NptBarostat",
    "Order",
    "OrderBias",
    "OrdinaryWeights",
    "Persistence",
    "Phonons",
    "PoolExploration",
    "Potential",
    "Pretraining",
    "Program",
    "RattledSeed",
    "Reference",
    "Resources",
    "Rounds",
    "Section",
    "Seed",
    "Shared",
    "So3krates",
    "Split",
    "Stage",
    "StopRule",
    "Supercell",
    "Taylor",
    "Training",
    "Vasp",
    "Verdict",
    "WarmStart",
    "XtbSurface",
    "docs_table",
    "load",
    "parse",
    "schema",
    "validate",
]
