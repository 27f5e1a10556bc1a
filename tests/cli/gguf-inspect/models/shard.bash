# shard NUMBER COUNT TENSORS TENSOR: writes m-NUMBER-of-COUNT.gguf with one tensor.
shard() { # NUMBER COUNT TENSORS TENSOR
    printf 'kv split.no u16 %d\nkv split.count u16 %d\nkv split.tensors.count i32 %d\ntensor %s F32 8\n' \
        "$(($1 - 1))" "$2" "$3" "$4" | make-gguf -o "$(printf 'm-%05d-of-%05d.gguf' "$1" "$2")"
}
