"""Opens the script of any rule with its real inputs, in a Python prompt, a debugger or a notebook.

    python -i scripts/_debug.py train material=NaCl-225 round=00 member=0 --configfile CONFIG
    >>> snakemake.input.dataset
    >>> main(...)                       # the script's own names are here

With `--run` the whole script runs as in the rule: `python -m pdb scripts/_debug.py … --run` steps
through it, and stops where it fails. In a notebook:

    from _debug import opened
    job = opened("train", "config/demo.yaml", material="NaCl-225", round="00", member="0")
    job.snakemake.input.dataset

Inputs, parameters and wildcards are those of the job. Outputs, log and scratch lie in a new folder
(or in `--folder`), so results and restart state are left alone.
"""

import argparse
import runpy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.io import is_flagged
from snakemake.iocontainers import Log, OutputFiles, Params, Snakemake
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    RerunTrigger,
    ResourceSettings,
    StorageSettings,
    WorkflowSettings,
)
from snakemake_interface_executor_plugins.settings import ExecMode

from umklapp import logs

CODE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Opened:
    """A job to look at: the object `snakemake` of its script, and the script."""

    snakemake: Snakemake
    script: Path

    def names(self):
        """Names that the script defines; its main part is not run."""
        return runpy.run_path(str(self.script), {"snakemake": self.snakemake}, self.script.stem)

    def run(self):
        """Run the script as the rule does; what it prints stays on the screen."""
        logs.log_to = lambda path: None
        return runpy.run_path(str(self.script), {"snakemake": self.snakemake}, "__main__")


def opened(rule, configfile, folder=None, **wildcards):
    """What the script of a rule is given for a job.

    Args:
        rule: its name. configfile: of the campaign. folder: where outputs, log and scratch go; None
            for a new temporary one. wildcards: of the job, as text (`round="00"`).

    Raises:
        LookupError: the job cannot be planned: a wildcard is missing, or inputs are not known yet.
    """
    folder = Path(folder or tempfile.mkdtemp(prefix=f"{rule}-"))
    return moved_to(folder, _job(rule, Path(configfile), wildcards))


def moved_to(folder, job):
    """A job of a plan as its script is given it, with outputs, log and scratch in `folder`."""
    scratch = job.params.get("scratch")

    def moved(path):
        target = folder / Path(path).relative_to(Path(path).anchor)
        target.parent.mkdir(parents=True, exist_ok=True)
        return str(target)

    def moved_scratch(value):
        return moved(value) if scratch is not None and value is scratch else value

    snakemake = Snakemake(
        job.input,
        OutputFiles(toclone=job.output, custom_map=moved),
        Params(toclone=job.params, custom_map=moved_scratch),
        job.wildcards,
        job.threads,
        job.resources,
        Log(toclone=job.log, custom_map=moved),
        job.rule.workflow.config,
        job.rule.name,
        None,
        str(CODE / "scripts"),
    )
    return Opened(snakemake, (CODE / "rules" / job.rule.script).resolve())


def planned(configfile, targets_of):
    """Workflow of a dry run whose `dag.jobs` are all jobs behind some targets.

    Args:
        targets_of: gives the targets (files, rules) of a workflow.
    """
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
        opening = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(configfiles=[Path(configfile).absolute()]),
            storage_settings=StorageSettings(),
            workflow_settings=WorkflowSettings(exec_mode=ExecMode.SUBPROCESS),  # checks are past
            snakefile=CODE / "Snakefile",
        )
        workflow = opening._workflow  # no public way to a job's inputs; a test holds this
        targets = targets_of(workflow)
        opening.dag(DAGSettings(targets=targets, rerun_triggers={RerunTrigger.MTIME}))
        workflow._prepare_dag(forceall=False, ignore_incomplete=True, lock_warn_only=True)
        workflow._build_dag()
        return workflow


def _job(rule, configfile, wildcards):
    """The job that makes the outputs of `rule` with these wildcards."""

    def outputs(workflow):
        return set(map(str, workflow.get_rule(rule).expand_output(wildcards)[0]))

    workflow = planned(configfile, outputs)
    for job in workflow.dag.jobs:
        if job.rule.name == rule and outputs(workflow) == set(map(str, job.output)):
            _check_inputs_are_known(job)
            return job
    raise LookupError(f"{rule} with {wildcards}: no such job is planned")


def _check_inputs_are_known(job):
    for path in job.input:
        if is_flagged(path, "checkpoint_target"):
            raise LookupError(f"inputs of {job.rule} are known once {path} is made: run it first")


def main(arguments):
    """The job's `snakemake`, and the names of its script; with `--run` it has run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rule")
    parser.add_argument("wildcards", nargs="*", help="of the job, for example round=00")
    parser.add_argument("--configfile", type=Path, default=CODE / "config/config.yaml")
    parser.add_argument("--folder", type=Path, help="for outputs; default: a temporary one")
    parser.add_argument("--run", action="store_true", help="run the script as in the rule")
    options = parser.parse_args(arguments)
    wildcards = dict(text.split("=", 1) for text in options.wildcards)
    job = opened(options.rule, options.configfile, options.folder, **wildcards)
    print(f"{job.script.name}: outputs go to {', '.join(job.snakemake.output)}")
    names = job.run() if options.run else job.names()
    return {**names, "snakemake": job.snakemake}


if __name__ == "__main__":
    globals().update(main(sys.argv[1:]))
