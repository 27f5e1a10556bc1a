# shellcheck shell=bash
# A small qwen2 with a vocabulary, for the cases beside this file.
model() {
    make-gguf -o "$1" <<'MODEL'
kv general.architecture str qwen2
kv general.file_type u32 1
kv qwen2.attention.head_count u32 4
kv qwen2.embedding_length u32 32
kv qwen2.block_count u32 0
kv tokenizer.ggml.model str gpt2
kv tokenizer.ggml.pre str qwen2
kv tokenizer.ggml.tokens array str a b ab <|im_end|>
kv tokenizer.ggml.token_type array i32 1 1 1 3
kv tokenizer.ggml.merges array str "a b" "a q"
kv tokenizer.ggml.eos_token_id u32 3
tensor token_embd.weight F16 32 4
tensor output_norm.weight F32 32
MODEL
}
