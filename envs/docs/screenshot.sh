#!/bin/sh
# The picture of a report for the documentation: screenshot.sh results/demo/campaign.html docs/images/report.png
set -eu
page=$(realpath "$1") picture=$(realpath "$2") profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
chromium --headless --no-sandbox --disable-gpu --disable-quic --no-first-run \
    --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars \
    --user-data-dir="$profile" --window-size="${WIDTH:-1480},${HEIGHT:-470}" \
    --virtual-time-budget=4000 --screenshot="$picture" "file://$page${3:-}"
