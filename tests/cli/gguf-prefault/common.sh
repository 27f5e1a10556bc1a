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
# start_keeper: with models.toml; its pid is $keeper and what it says in the file said.
start_keeper() {
    gguf-prefault --config models.toml --socket socket 2>said &
    # shellcheck disable=SC2034
    keeper=$!
    until gguf-prefault --status --socket socket >/dev/null 2>&1; do sleep 0.02; done
}
# wait_until NAME STATE: until the keeper says so (the case's time limit ends a wait in vain).
wait_until() {
    until [[ $(state "$1") == "$2" ]]; do sleep 0.02; done
    echo "$1 is $2"
}
state() {
    gguf-prefault --status --socket socket --tsv | awk -F '\t' -v name="$1" '$1 == name { print $2 }'
}
# bytes_of FILE: resident.
bytes_of() {
    fincore -nb -o RES "$1"
}
