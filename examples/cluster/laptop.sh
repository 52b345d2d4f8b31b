#!/usr/bin/env bash
# A cluster of one machine, to try things out: bash examples/cluster/laptop.sh PICTURES FOLDER
# Its lines were tried one after another.
set -euo pipefail

pip install -q '.[ray]'            # in the folder of neuralpaint

ray start --head --disable-usage-stats --include-dashboard=false
trap 'ray stop' EXIT               # stops every Ray of this user on this machine

neuralpaint batch "$1" -o "$2" --preset draft --on ray
