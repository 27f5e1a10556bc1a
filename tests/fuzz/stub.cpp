// The whole Hugging Face folder of any bytes that parse: it is planned and measured, or an Error is thrown.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>

#include "ggufmap/error.hpp"
#include "ggufmap/hf/stub.hpp"
#include "mutate.hpp"

using namespace ggufmap;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Fd memory(::memfd_create("fuzz", MFD_CLOEXEC));
    if (!memory || ::write(memory.get(), data, size) != static_cast<ssize_t>(size)) std::abort();
    try {
        const Model model = Model::from(File::adopt(std::move(memory), "fuzz"));
        hf::Stub stub(model, {.weights = hf::Weights::sparse});
        if (stub.measure().empty()) std::abort();  // at least the Modelfile
    } catch (const Error&) {
        return 0;
    }
    return 0;
}
