# shellcheck shell=bash
# warm_model FILE, cold_model FILE: a small model on the disk, all of it in the page cache or nothing.
warm_model() {
    make-gguf -o "$1" "$CASES/model.txt"
    sync "$1"
    cat "$1" >/dev/null
}
cold_model() {
    warm_model "$1"
    dd if="$1" iflag=nocache count=0 status=none
}
