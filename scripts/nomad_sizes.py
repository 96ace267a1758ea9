"""One table of what NOMAD has for every material."""

import json
from pathlib import Path

from umklapp import provenance
from umklapp.logs import log_to


def main(paths, out):
    """Write entries, files and megabytes by material."""
    rows = {}
    for path in map(Path, paths):
        found = json.loads(path.read_text())
        rows[f"{path.parts[-3]} {path.parts[-2]}"] = {
            "entries": found["entries"],
            "files": len(found["files"]),
            "megabytes": found["megabytes"],
        }
    total = round(sum(row["megabytes"] for row in rows.values()), 3)
    provenance.write_json(out, {"materials": rows, "megabytes": total})
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(list(snakemake.input), Path(snakemake.output[0]))
