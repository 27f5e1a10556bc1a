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

# private SCRIPT: with all functions and exported variables of the caller, inside a mount namespace of its own, which
# takes its mounts away when it ends.
private() {
    unshare -m true 2>/dev/null || skip "no mount namespaces here"
    unshare -m bash -c "$(declare -f)"$'\nset -uo pipefail\n'"$1"
}

# loop_disk SIZE: inside private, an ext4 file system of that size at "disk", kept in "image".
loop_disk() {
    { command -v mkfs.ext4 && command -v filefrag; } >/dev/null || skip "no mkfs.ext4 or filefrag"
    { truncate -s "$1" image && mkfs.ext4 -q -F -b 4096 -O ^has_journal image; } || skip "mkfs.ext4 failed"
    { mkdir -p disk && mount -o loop image disk 2>/dev/null; } || skip "no loop mounts here"
}

# break_disk FILE: the loop disk, now read-only and cold, ends in the middle of the file's last extent there.
break_disk() {
    umount disk && mount -o loop,ro image disk || exit
    # An extent: "0: LOGICAL.. LOGICAL: PHYSICAL.. PHYSICAL: LENGTH:", in blocks.
    truncate -s "$(filefrag -b4096 -v "$1" | tr -d ":.," | awk '
        $1 ~ /^[0-9]+$/ && $4 >= last { last = $4; blocks = $6 }
        END { print (last + int(blocks / 2)) * 4096 }')" image
}

# says TEXT FILE: the file holds it.
says() {
    grep -q -- "$1" "$2" || { echo "not said: $1; but:"; cat "$2"; exit 1; }
}

# sanitized: true of programs whose sanitizer takes memory and descriptors of its own.
sanitized() {
    [[ $(ASAN_OPTIONS=help=1 gguf-shard --version 2>&1) == *Sanitizer* ]]
}

# fault_shim: what lets system calls go wrong (shim.cpp); no sanitized program takes it.
fault_shim() {
    local shim
    shim=$(dirname "$(command -v gguf-shard)")/../tests/libfault-shim.so
    [[ -e $shim ]] && ! sanitized && echo "$shim"
}

# nothing DIRECTORY: holds no file, hidden ones included.
nothing() {
    [[ -z $(ls -A "$1") ]] || { echo "left behind:"; ls -A "$1"; exit 1; }
}
