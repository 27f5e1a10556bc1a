// parse(): whatever the bytes, it returns or throws an Error; the answer does not depend on how the bytes
// arrive; and every view handed out lies inside the header.
#include <cstdlib>
#include <string>

#include "ggufmap/error.hpp"
#include "ggufmap/gguf.hpp"
#include "ggufmap/source.hpp"
#include "mutate.hpp"

using namespace ggufmap;

namespace {

void demand(bool truth) {
    if (!truth) std::abort();
}

/// Reads to the last byte of the value, so that a sanitizer sees a view that is too long.
std::size_t walk(const Value& value) {
    std::size_t seen = 0;
    if (const auto array = value.as_array()) {
        for (const Value element : *array) seen += walk(element);
        demand(array->empty() || array->at(array->size() - 1).type() == array->element_type());
    }
    for (const std::byte byte : value.bytes()) seen += byte != std::byte{0} ? 1 : 0;
    return seen;
}

void check(const Gguf& gguf) {
    const Range header{0, gguf.header().size()};
    for (const KeyValue& kv : gguf.metadata()) {
        demand(header.contains(kv.where) && gguf.find(kv.key) == &kv);
        walk(kv.value);
    }
    for (const Tensor& tensor : gguf.tensors()) {
        demand(header.contains(tensor.where) && gguf.find_tensor(tensor.name) == &tensor);
        if (const auto range = gguf.range_of(tensor)) demand(range->offset >= gguf.data_offset());
    }
    demand(gguf.data_offset() >= header.size);
}

/// What came of it, in words.
std::string outcome(Bytes bytes, std::size_t chunk) {
    MemorySource source(bytes, "fuzz", chunk);
    try {
        const Gguf gguf = parse(source);
        check(gguf);
        return std::string(as_text(gguf.header()));
    } catch (const Error& error) {
        demand(error.kind() != ErrorKind::usage && error.kind() != ErrorKind::io);
        return error.what();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    demand(outcome(bytes, 0) == outcome(bytes, 7));
    return 0;
}
