"""What Snakemake itself costs in a campaign of many materials: every job takes no time.

The real Snakefile and the real rules with an executor that writes outputs in-process
(tests/snakemake_executor_plugin_instant). Measured: the whole campaign in one process, its shards,
and the dry run of a campaign that is half done.

    python benchmarks/scheduler.py --materials 122 --rounds 10 --shards 8
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "benchmarks/results/scheduler.json"


def campaign(folder: Path, materials: int, rounds: int, chunks: int, members: int) -> Path:
    """config/screening.yaml with the given sizes, in an empty folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    settings = yaml.safe_load((ROOT / "config/screening.yaml").read_text())
    keys = pd.read_csv(ROOT / "config/materials.csv")["material"].tolist()[:materials]
    settings["materials"] |= {
        "select": keys,
        "table": str(ROOT / "config/materials.csv"),
        "structures": str(ROOT / "config/structures"),
    }
    settings["results"] = "results"
    settings["committee"] = {"subsamples": members, "seeds": 1}
    settings["rounds"]["max"] = rounds
    settings["resources"] = {"label_chunks": chunks}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def run(folder: Path, name: str, *arguments: str, **environment: str) -> dict:
    """Run Snakemake in `folder`; wall and CPU seconds, memory and the number of jobs."""
    command = [sys.executable]
    if os.environ.get("SCHEDULER_PROFILE"):
        command += ["-m", "cProfile", "-o", str(folder / f"{name}.prof")]
    command += ["-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--configfile"]
    command += ["config.yaml", "--executor", "instant", "--cores", "100000", *arguments]
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    log = folder / f"{name}.log"
    with log.open("w") as file:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": paths, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
            check=False,
        )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = log.read_text()
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "case": name,
        "status": done.returncode,
        "wall_s": round(time.monotonic() - begin, 1),
        "cpu_s": round(cpu, 1),
        "largest_rss_MB_so_far": round(after.ru_maxrss / 1024),
        "jobs": text.count("Finished jobid:"),
        "verdicts": len(list(folder.glob("results/*/round_*/assessment.json"))),
    }


def main() -> None:
    """Run the cases that are asked for and write the numbers after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--materials", type=int, default=122)
    parser.add_argument("--rounds", type=int, default=10, help="1 to this many per material")
    parser.add_argument("--chunks", type=int, default=2, help="label jobs in a round")
    parser.add_argument("--members", type=int, default=4, help="of the committee")
    parser.add_argument("--shards", type=int, default=8)
    parser.add_argument("--cases", nargs="+", default=["whole", "half", "shards"])
    parser.add_argument("--folder", type=Path, default=Path("results/scheduler"))
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    sizes = {name: vars(given)[name] for name in ("materials", "rounds", "chunks", "members")}
    rows: list[dict] = []

    def note(row: dict) -> None:
        rows.append(row)
        print(json.dumps(row), flush=True)
        load = os.getloadavg()[0]
        record = {"command": " ".join(sys.argv), "sizes": sizes, "load": load, "rows": rows}
        given.out.write_text(json.dumps(record, indent=1) + "\n")

    rounds = {"INSTANT_ROUNDS": str(given.rounds)}
    if "whole" in given.cases:
        folder = given.folder / "whole"
        campaign(folder, **sizes)
        note(run(folder, "dry_run_of_an_empty_campaign", "--dry-run", "--quiet", **rounds))
        note(run(folder, "whole", **rounds))
        note(run(folder, "dry_run_of_a_finished_campaign", "--dry-run", "--quiet", **rounds))
    if "half" in given.cases:
        folder = given.folder / "half"
        campaign(folder, **sizes)
        note(run(folder, "first_half_of_all_rounds", INSTANT_HALF="yes", **rounds))
        note(run(folder, "dry_run_of_a_half_done_campaign", "--dry-run", "--quiet", **rounds))
    if "shards" in given.cases:
        folder = given.folder / "shards"
        campaign(folder, **sizes)
        note(run(folder, "engines", "engines", **rounds))
        for number in range(1, given.shards + 1):
            shard = f"shard={number}/{given.shards}"
            note(run(folder, f"shard_{number}", "--config", shard, **rounds))
        note(run(folder, "join", "summary", "--config", f"shard=0/{given.shards}", **rounds))


if __name__ == "__main__":
    main()
