# shellcheck shell=bash
# cold_model FILE: 448 KiB on the disk, none of it in the page cache.
cold_model() {
    make-gguf -o "$1" "$CASES/model.txt"
    sync "$1"
    dd if="$1" iflag=nocache count=0 status=none
}
# result ARGUMENT...: what the tool answers, without times.
result() {
    gguf-prefault --json "$@" | jq -c 'del(.models[].seconds)'
}
# resident FILE: by layer and part.
resident() {
    gguf-residency --layers --tsv "$1" | cut -f 1-3
}
