"""The command `umklapp`: what is asked outside of the workflow. Jobs are Snakemake's business."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

from umklapp import logs
from umklapp.errors import UmklappError

WIDTH = 78
"""Characters in a line of help."""

# Rooms are imported by the command that needs them: `umklapp --help` answers at once.


def _status(options: argparse.Namespace) -> None:
    from umklapp import config
    from umklapp.campaign import copies, locks
    from umklapp.report import status

    results = Path(config.load(options.config).results)
    copies.settle_for_reading(results)
    status.run(options.config, options.json, at_work=not locks.is_idle(results))


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
    from umklapp.campaign import copies
    from umklapp.report.page import campaign_page

    copies.settle_for_reading(options.results)
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

DESCRIPTION = """Prepares a campaign, shows where it stands, and analyses files of other programs.
Snakemake runs the campaign: snakemake --cores 4 --configfile CONFIG"""

CONFIG = "configuration file of the campaign"


def _sentence(text: str) -> str:
    """A help text as a sentence; κ and σᴬ are symbols and stay as they are."""
    return (text[0].upper() if text[0].isascii() else text[0]) + text[1:] + "."


def parser() -> argparse.ArgumentParser:
    """All subcommands with their arguments; each has a help text and an example."""
    top = argparse.ArgumentParser(prog="umklapp", description=DESCRIPTION)
    commands = top.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Run, text: str, example: str) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name,
            help=text,
            description=textwrap.fill(_sentence(text), WIDTH),
            epilog=f"example: umklapp {name} {example}".rstrip(),
            formatter_class=argparse.RawDescriptionHelpFormatter,  # an example stays in one line
        )
        made.set_defaults(run=run)
        return made

    text = "write a commented campaign for one crystal; rules choose cells, cutoffs and meshes"
    new = command("new", _new, text, "crystal.cif")
    new.add_argument("crystal", type=Path, help="structure file: .cif, POSCAR as .vasp, or .extxyz")
    new.add_argument("folder", type=Path, nargs="?", help="new folder (default: campaigns/KEY)")

    text = "check configuration, crystals, files and programs before the first job; list all errors"
    check = command("check", _check, text, "config/demo.yaml")
    check.add_argument("config", type=Path, help=CONFIG)

    text = "show where a campaign stands: stages, labels, failed jobs, core hours"
    status = command("status", _status, text, "config/screening.yaml")
    status.add_argument("config", type=Path, help=CONFIG)
    status.add_argument("--json", action="store_true", help="print all numbers as json")

    text = "print the results of a campaign: κ with its error, audit, verdict, reasons in words"
    summary = command("summary", _summary, text, "config/demo.yaml")
    summary.add_argument("config", type=Path, help=CONFIG)

    text = "write the report: one html page that opens without a network; works at any time"
    report = command("report", _report, text, "results/demo")
    report.add_argument("results", type=Path, help="results folder, or an unpacked archive")
    report.add_argument("--out", type=Path, help="the page (default: RESULTS/campaign.html)")

    text = "pack the small result files from which all figures can be drawn again"
    archive = command("archive", _archive, text, "config/demo.yaml small.tar.gz")
    archive.add_argument("config", type=Path, help=CONFIG)
    archive.add_argument("out", type=Path, help="file to write, .tar.gz")

    text = "print a script that completes this command in bash and zsh; eval it, or source it"
    command("completion", _completion, text, "")

    text = "write docs/materials.md, the list of all materials of the table (for developers)"
    command("catalogue", _catalogue, text, "")

    text = "write config/schema.json and docs/configuration.md (for developers)"
    command("config", _config, text, "")

    text = "write a campaign on the test bed, a crystal whose rare events are known exactly"
    testbed = command("testbed", _testbed, text, "missed results/testbed")
    testbed.add_argument(
        "case",
        choices=("missed", "false"),
        help="missed: the seeds end before the first event; false: the seeds do not show that a "
        "state is unstable",
    )
    testbed.add_argument("folder", type=Path, help="new folder for the configuration and its seeds")

    text = "write a campaign on CuI whose reference is a trained network with a known rare event"
    teacher = command("teacher", _teacher, text, "results/teacher --seed 1")
    teacher.add_argument("folder", type=Path, help="new folder for the configuration and its seeds")
    teacher.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")

    text = "print κ of an FHI-vibes trajectory by the Green–Kubo procedure of FHI-vibes"
    vibes = command("vibes", _vibes, text, "trajectory.nc all.h5")
    vibes.add_argument("trajectory", type=Path, help="netCDF-4 file that `vibes output md` wrote")
    vibes.add_argument(
        "out", type=Path, nargs="?", help="hdf5 file to write, with every intermediate quantity"
    )

    text = "print σᴬ of a trajectory: .son or .nc of FHI-vibes, extxyz and other labelled formats"
    sigma_a = command("sigma-a", _sigma_a, text, "trajectory.son --structure geometry.cif")
    sigma_a.add_argument("trajectory", type=Path, help="file with positions, forces and energies")
    sigma_a.add_argument(
        "--structure",
        type=Path,
        help="structure file of the crystal; needed unless the trajectory holds force constants "
        "(.nc) or the primitive cell (.son)",
    )
    sigma_a.add_argument("--out", type=Path, help="csv to write, with σᴬ of every frame")
    sigma_a.add_argument("--every", type=int, default=1, help="read every n-th frame (default: 1)")
    sigma_a.add_argument("--skip", type=int, default=0, help="skip the first n frames (default: 0)")

    text = "print the vibrational density of states of a trajectory with velocities"
    vdos = command("vdos", _vdos, text, "trajectory.son --out vdos.csv")
    vdos.add_argument("trajectory", type=Path, help=".son, .nc or extxyz with velocities and times")
    vdos.add_argument("--out", type=Path, help="csv to write, with frequency and density of states")

    text = "print Green–Kubo κ of trajectories (.son, .nc, extxyz) or tables of heat fluxes (csv)"
    example = "flux.csv --volume 1000 --temperature 300 --unit metal --time-unit ps"
    flux = command("green-kubo", _green_kubo, text, example)
    flux.add_argument(
        "files", type=Path, nargs="+", help="one file for each independent run; csv: time, flux"
    )
    flux.add_argument("--volume", type=float, help="volume of the cell in Å³; needed for csv")
    flux.add_argument(
        "--temperature",
        type=float,
        help="temperature in K; needed for csv, else taken from the velocities",
    )
    flux.add_argument(
        "--unit",
        default="eV/A2/fs",
        help="unit of the flux: eV/A2/fs (default), eV/A2/ps, W/m2, or LAMMPS' metal or real",
    )
    flux.add_argument("--time-unit", default="fs", help="unit of the times in a csv: fs or ps")
    flux.add_argument(
        "--frequency",
        type=float,
        help="lowest vibration in THz, which sets the noise filter (default: from the velocities; "
        "of a csv: 1, or more where the run is short)",
    )
    flux.add_argument("--out", type=Path, help="csv to write, with the running integral")

    text = "print κ of one crystal by a foundation model, or from the force sets of a phono3py yaml"
    kappa = command("kappa", _kappa, text, "NaCl.cif --model nequix-oam-1-pft.nqx")
    kappa.add_argument(
        "crystal", help="structure file, key of config/materials.csv, or phono3py yaml"
    )
    kappa.add_argument("--model", help="file of nequix weights, or the name of published ones")
    kappa.add_argument("--calculator", help="ASE calculator, module:Class, in place of nequix")
    kappa.add_argument(
        "--atoms",
        type=int,
        default=64,
        help="approximate number of atoms of the supercell (default: 64)",
    )
    kappa.add_argument("--mesh", type=int, default=11, help="q-points per axis (default: 11)")
    kappa.add_argument(
        "--born", type=Path, help="file of Born charges (default: those of config/structures)"
    )
    kappa.add_argument(
        "--given-lattice-only",
        action="store_true",
        help="compute κ at the given lattice only, not at the lattice that the model relaxes",
    )
    kappa.add_argument("--out", type=Path, help="json file to write, with the whole record")

    text = "print κ_SRME, the mode-by-mode error of one conductivity against another"
    srme = command("srme", _srme, text, "modes.hdf5 reference.hdf5 --total")
    srme.add_argument("modes", type=Path, help="hdf5 file of the modes of the κ to judge")
    srme.add_argument("reference", type=Path, help="hdf5 file of the modes of the reference κ")
    srme.add_argument(
        "--total",
        action="store_true",
        help="compare κ with its inter-band (Wigner) term, not the relaxation-time part alone",
    )
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand; an error that the user is meant to read ends it in one sentence.

    Args:
        arguments: of the command line; those of this process if none.

    Returns:
        Exit status.
    """
    given = sys.argv[1:] if arguments is None else arguments
    options = parser().parse_args(given or ["--help"])
    logs.show(sys.stderr)
    try:
        options.run(options)
        sys.stdout.flush()
    except UmklappError as error:
        print(error, file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    finally:
        logging.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
