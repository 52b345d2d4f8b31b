#!/usr/bin/env bash
# Two machines: bash examples/cluster/two-machines.sh PICTURES FOLDER, on the first one.
# Both need Python, and neuralpaint and Ray of the same versions. Ports 6379, 10001 and those above 10002
# must be open between them, and closed to everybody else: Ray runs what it is sent.
# Tried with both as nodes of one machine; not tried: `ssh`, and a network between them.
set -euo pipefail

second=second.local                # its name, or its address
first=$(hostname -I | awk '{print $1}')   # not 127.0.1.1, as /etc/hosts may say

ray start --head --node-ip-address="$first" --port=6379 --disable-usage-stats
ssh "$second" "ray start --address=$first:6379"
trap 'ssh "$second" ray stop; ray stop' EXIT

# Pictures and results travel through Ray's object store: the second machine needs no shared folder.
# Where both see the same folders under the same paths, --on ray:shared=yes sends only their names.
neuralpaint batch "$1" -o "$2" --on ray

# From a third machine, without being part of the cluster:
#   neuralpaint batch PICTURES -o FOLDER --on ray://$first:10001
