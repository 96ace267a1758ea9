"""One table of what NOMAD has for every material."""

from pathlib import Path

from umklapp.learning.seeds.nomad import NomadListing, NomadSize, NomadSizes
from umklapp.logs import log_to


def main(paths, out):
    """Write entries, files and megabytes by material."""
    rows = {}
    for path in map(Path, paths):
        listing = NomadListing.read(path)
        rows[f"{path.parts[-3]} {path.parts[-2]}"] = NomadSize(
            entries=listing.entries, files=len(listing.files), megabytes=listing.megabytes
        )
    total = round(sum(row.megabytes for row in rows.values()), 3)
    sizes = NomadSizes(materials=rows, megabytes=total)
    sizes.write(out)
    print(sizes.model_dump_json(include={"materials"}, indent=1))


if __name__ == "__main__":
    log_to(snakemake.log[0])
    main(list(snakemake.input), Path(snakemake.output[0]))
