// The whole Hugging Face folder of any bytes that parse: it is planned and measured and its tensors are read,
// or an Error is thrown.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/stub.hpp"
#include "ggufmap/hf/tensors.hpp"
#include "mutate.hpp"

using namespace ggufmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Fd memory(::memfd_create("fuzz", MFD_CLOEXEC));
    if (!memory || ::write(memory.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
    try {
        const Model model = Model::from(File::adopt(std::move(memory), "fuzz"));
        hf::Stub stub(model, {.weights = hf::Weights::sparse});
        if (stub.measure().empty()) std::abort();  // at least the Modelfile
        hf::Notes notes;
        for (const hf::HfTensor& tensor : hf::hf_tensors(model, notes)) {
            std::uint64_t covered = 0;
            hf::read_tensor(model, tensor, [&](std::uint64_t offset, Bytes piece) {
                if (offset > tensor.bytes || piece.size() > tensor.bytes - offset) std::abort();
                covered += piece.size();
            });
            if (covered != tensor.bytes) std::abort();
        }
    } catch (const Error&) {
        return 0;
    }
    return 0;
}
