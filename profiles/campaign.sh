#!/bin/sh
# Run one campaign to its end, write its report and print its table: campaign.sh CONFIG RESULTS CORES
# A run that was killed leaves Snakemake's lock behind. Our own lock is gone with the last process
# of that run (orphaned jobs hold it too), so taking it proves that Snakemake's is stale.
set -eu
config=$1 results=$2 cores=$3
mkdir -p "$results"

if command -v flock >/dev/null 2>&1; then
    exec 9>"$results/.running"
    if ! flock -n 9; then
        echo "Another run of $config is still busy in $results (or its last jobs are): wait for it." >&2
        exit 1
    fi
    snakemake --unlock --configfile "$config" >/dev/null 2>&1 || true
fi

begin=$(date +%s)
if snakemake --dry-run --cores "$cores" --configfile "$config" 2>&1 | grep -q '^Nothing to be done'; then
    echo "$config is complete: nothing was left to run. (Remove $results to start again.)"
else
    failed=0
    snakemake --cores "$cores" --configfile "$config" || failed=$?
    python -m umklapp report "$results" || true # also of what failed: failures stand first in it
    [ "$failed" -eq 0 ] || exit "$failed"
    echo "Finished in $(($(date +%s) - begin)) s."
fi
if [ ! -e "$results/report.html" ] || [ "$results/summary.csv" -nt "$results/report.html" ]; then
    snakemake --configfile "$config" --report "$results/report.html" >"$results/logs/report.log" 2>&1
fi
python -m umklapp summary "$config"
