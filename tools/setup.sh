# Sourced by tools/try, tools/package/build, tests/run and .ci/run: installs the Debian or Ubuntu packages that are
# missing and builds.
# shellcheck shell=bash disable=SC2034

# Where everything is, whatever directory the caller stands in.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages=(g++ cmake ninja-build pkg-config ccache libcli11-dev libfmt-dev libxxhash-dev doctest-dev
    nettle-dev nlohmann-json3-dev libarchive-dev libtomlplusplus-dev liburing-dev)
# What the tests and lints run beside our own programs.
test_packages=(mandoc shellcheck clang clang-format libclang-rt-dev zsh fish bash-completion jq xxhash vmtouch
    util-linux python3 python3-jsonschema bindfs btrfs-progs e2fsprogs xfsprogs time)
# What tools/package/build and the test of its packages need.
package_packages=(dpkg-dev lintian)

as_root() {
    if [[ $(id -u) -eq 0 ]]; then "$@"; else sudo -- "$@"; fi
}

# install_missing PACKAGE...: asks nothing; silent and quick when all are there.
install_missing() {
    local package missing=()
    if ! command -v dpkg-query >/dev/null; then
        echo "setup: no dpkg here; these must be there by other means: $*" >&2
        return 0
    fi
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) == 'install ok installed' ]] ||
            missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    echo "setup: installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
        </dev/null >/dev/null
}

# build_in DIRECTORY TARGET CMAKE-OPTION...: configures and builds, says where.
build_in() {
    local directory=$1 target=$2 launcher=()
    shift 2
    if command -v ccache >/dev/null; then launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache); fi
    echo "setup: building in $directory"
    cmake -S "$root" -B "$directory" -G Ninja --log-level=WARNING "${launcher[@]}" "$@"
    cmake --build "$directory" --target "$target"
}
