# Sourced by the fault tests. Usage of each: SCRIPT BIN; BIN has our tools and make-gguf. Prints a line a case; the
# exit status is 0 where none has failed.
# shellcheck shell=bash
set -uo pipefail
PATH=$(cd "$1" && pwd):$PATH
support=$(cd "$(dirname "${BASH_SOURCE[0]}")/../cli/support" && pwd)
PATH=$support:$PATH
ulimit -c 0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit
failures=0

# check NAME COMMAND...: a case, in a directory of its own.
check() {
    local name=$1 report
    shift
    mkdir -p "$scratch/$name"
    if report=$(cd "$scratch/$name" && "$@" 2>&1); then
        echo "ok: $name"
    elif [[ $report == *skipped:* ]]; then
        echo "$name: ${report##*$'\n'}"
    else
        echo "FAILED: $name"
        echo "$report"
        failures=$((failures + 1))
    fi
    rm -rf "${scratch:?}/$name"
}

skip() {
    echo "skipped: $*"
    exit 1
}

# expect STATUS COMMAND...: the exit status must be this one.
expect() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [[ $status -eq $wanted ]] || { echo "exit status $status, wanted $wanted: $*"; exit 1; }
}

# nothing DIRECTORY: holds no file, hidden ones included.
nothing() {
    [[ -z $(ls -A "$1") ]] || { echo "left behind:"; ls -A "$1"; exit 1; }
}
