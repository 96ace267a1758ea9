"""The command `umklapp`: what is asked outside of the workflow. Jobs are Snakemake's business."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from umklapp import logs
from umklapp.errors import UmklappError

# Rooms are imported by the command that needs them: `umklapp --help` answers at once.


def _status(options: argparse.Namespace) -> None:
    from umklapp.report import status

    status.run(options.config, options.json)


def _summary(options: argparse.Namespace) -> None:
    from umklapp.report import summary

    print(summary.run(options.config))


def _check(options: argparse.Namespace) -> None:
    from umklapp.campaign import check_list

    check_list.run(options.config)


def _new(options: argparse.Namespace) -> None:
    from umklapp.campaign import new_campaign

    print(new_campaign.write(options.crystal, options.folder))


def _completion(options: argparse.Namespace) -> None:
    from umklapp import completion

    print(completion.script(parser()), end="")


def _report(options: argparse.Namespace) -> None:
    from umklapp.report.page import campaign_page

    print(campaign_page.write(options.results, options.out))


def _archive(options: argparse.Namespace) -> None:
    from umklapp.report import archive

    archive.run(options.config, options.out)


def _catalogue(options: argparse.Namespace) -> None:
    from umklapp.report import catalogue

    catalogue.run()


def _config(options: argparse.Namespace) -> None:
    from umklapp.config import documentation

    documentation.run()


def _testbed(options: argparse.Namespace) -> None:
    from umklapp.campaign import testbed_campaign

    print(testbed_campaign.write_campaign(options.case, options.folder))


def _teacher(options: argparse.Namespace) -> None:
    from umklapp.campaign import teacher_campaign

    print(teacher_campaign.write_campaign(options.folder, options.seed))


def _vibes(options: argparse.Namespace) -> None:
    from umklapp.transport import vibes

    print(vibes.run(options.trajectory, options.out))


def _sigma_a(options: argparse.Namespace) -> None:
    from umklapp.transport import user_files

    print(
        user_files.sigma_a(
            options.trajectory, options.structure, options.out, options.every, options.skip
        )
    )


def _vdos(options: argparse.Namespace) -> None:
    from umklapp.transport import user_files

    print(user_files.vdos(options.trajectory, options.out))


def _green_kubo(options: argparse.Namespace) -> None:
    from umklapp.transport import user_files

    print(
        user_files.conductivity(
            options.files,
            volume=options.volume,
            temperature=options.temperature,
            unit=options.unit,
            time_unit=options.time_unit,
            frequency=options.frequency,
            out=options.out,
        )
    )


def _kappa(options: argparse.Namespace) -> None:
    from umklapp.transport import kappa_command

    print(
        kappa_command.run(
            options.crystal,
            model=options.model,
            calculator=options.calculator,
            atoms=options.atoms,
            mesh=options.mesh,
            born_file=options.born,
            own_lattice=not options.given_lattice_only,
            out=options.out,
        )
    )


def _srme(options: argparse.Namespace) -> None:
    from umklapp.transport import srme

    print(srme.run(options.modes, options.reference, "total" if options.total else "rta"))


Run = Callable[[argparse.Namespace], None]


def parser() -> argparse.ArgumentParser:
    """All subcommands with their arguments; each has a help text and an example."""
    top = argparse.ArgumentParser(prog="umklapp", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Run, text: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"example: umklapp {name} {example}".rstrip(),
        )
        made.set_defaults(run=run)
        return made

    text = "a commented campaign for a crystal: cells, cutoffs and meshes by stated rules"
    new = command("new", _new, text, "crystal.cif")
    new.add_argument("crystal", type=Path, help="structure: .cif, POSCAR as .vasp, or .extxyz")
    new.add_argument("folder", type=Path, nargs="?", help="default: campaigns/KEY")

    text = "everything that a dry run checks, as a list"
    check = command("check", _check, text, "config/demo.yaml")
    check.add_argument("config", type=Path, help="configuration of the campaign")

    text = "where a campaign stands: stages, labels, failures, hours"
    status = command("status", _status, text, "config/screening.yaml")
    status.add_argument("config", type=Path, help="configuration of the campaign")
    status.add_argument("--json", action="store_true", help="all numbers, for programs")

    text = "the table of a finished campaign, and why its rounds ended"
    summary = command("summary", _summary, text, "config/demo.yaml")
    summary.add_argument("config", type=Path, help="configuration of the campaign")

    text = "write the report, one html page that needs no network, of results at any time"
    report = command("report", _report, text, "results/demo")
    report.add_argument("results", type=Path, help="results folder, or an unpacked archive")
    report.add_argument("--out", type=Path, help="the page (default: RESULTS/campaign.html)")

    text = "pack the small result files that all figures are made of"
    archive = command("archive", _archive, text, "config/demo.yaml small.tar.gz")
    archive.add_argument("config", type=Path, help="configuration of the campaign")
    archive.add_argument("out", type=Path, help="the archive, .tar.gz")

    text = "the completion of this command for bash and zsh: eval it, or source it"
    command("completion", _completion, text, "")

    text = "write docs/materials.md, the overview of all materials of the table"
    command("catalogue", _catalogue, text, "")

    text = "write config/schema.json and docs/configuration.md from the models of the configuration"
    command("config", _config, text, "")

    text = "write a campaign on the test bed, a crystal whose rare events are known"
    testbed = command("testbed", _testbed, text, "missed results/testbed")
    testbed.add_argument("case", choices=("missed", "false"), help="the failure to be repaired")
    testbed.add_argument("folder", type=Path, help="for the configuration and its seeds")

    text = "write a campaign on CuI whose truth is a trained network with a rare event"
    teacher = command("teacher", _teacher, text, "results/teacher --seed 1")
    teacher.add_argument("folder", type=Path, help="for the configuration and its seeds")
    teacher.add_argument("--seed", type=int, default=1, help="of the dynamics (default 1)")

    text = "the complete Green–Kubo analysis of an FHI-vibes trajectory"
    vibes = command("vibes", _vibes, text, "trajectory.nc all.h5")
    vibes.add_argument("trajectory", type=Path, help="netCDF-4 of `vibes output md`")
    vibes.add_argument("out", type=Path, nargs="?", help="hdf5 for every quantity")

    text = "σᴬ of a trajectory: .son, .nc, extxyz and other labelled formats"
    sigma_a = command("sigma-a", _sigma_a, text, "trajectory.son --structure geometry.cif")
    sigma_a.add_argument("trajectory", type=Path, help="positions and forces")
    sigma_a.add_argument(
        "--structure", type=Path, help="the crystal, where the file does not say it"
    )
    sigma_a.add_argument("--out", type=Path, help="csv of every frame")
    sigma_a.add_argument("--every", type=int, default=1, help="take every n-th frame")
    sigma_a.add_argument("--skip", type=int, default=0, help="leave out so many at the start")

    text = "vibrational density of a trajectory with velocities: .son, .nc, extxyz"
    vdos = command("vdos", _vdos, text, "trajectory.son --out vdos.csv")
    vdos.add_argument("trajectory", type=Path, help="velocities and times")
    vdos.add_argument("--out", type=Path, help="csv of frequency and density")

    text = "Green–Kubo κ of trajectories (.son, .nc, extxyz) or tables of fluxes (csv)"
    example = "flux.csv --volume 1000 --temperature 300 --unit metal --time-unit ps"
    flux = command("green-kubo", _green_kubo, text, example)
    flux.add_argument("files", type=Path, nargs="+", help="one for each independent run")
    flux.add_argument("--volume", type=float, help="Å³ (csv)")
    flux.add_argument("--temperature", type=float, help="K (csv; else from velocities)")
    flux.add_argument("--unit", default="eV/A2/fs", help="eV/A2/fs, eV/A2/ps, W/m2, metal, real")
    flux.add_argument("--time-unit", default="fs", help="fs or ps")
    flux.add_argument("--frequency", type=float, help="THz, of the noise filter")
    flux.add_argument("--out", type=Path, help="csv of the running integral")

    text = "κ of one crystal by a foundation model, or from the force sets of a phono3py yaml"
    kappa = command("kappa", _kappa, text, "NaCl.cif --model nequix-oam-1-pft.nqx")
    kappa.add_argument("crystal", help="structure, key of the table, or phono3py yaml")
    kappa.add_argument("--model", help="weights of nequix, or their published name")
    kappa.add_argument("--calculator", help="any ASE calculator, module:Class, in place of nequix")
    kappa.add_argument("--atoms", type=int, default=64, help="of the supercell, about (64)")
    kappa.add_argument("--mesh", type=int, default=11, help="q-points along each axis (11)")
    kappa.add_argument("--born", type=Path, help="file of Born charges (else those of the table)")
    kappa.add_argument("--given-lattice-only", action="store_true", help="no relaxation")
    kappa.add_argument("--out", type=Path, help="json of everything")

    text = "κ_SRME: how far two conductivities are from each other mode by mode"
    srme = command("srme", _srme, text, "modes.hdf5 reference.hdf5 --total")
    srme.add_argument("modes", type=Path, help="hdf5 of the modes")
    srme.add_argument("reference", type=Path, help="hdf5 of the modes to compare with")
    srme.add_argument("--total", action="store_true", help="the direct solution in place of RTA")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; an error that the user is meant to read ends it in one sentence.

    Args:
        arguments: of the command line; those of this process if none.

    Returns:
        Exit status.
    """
    options = parser().parse_args(arguments)
    logs.show(sys.stderr)
    try:
        options.run(options)
    except UmklappError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        logging.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
