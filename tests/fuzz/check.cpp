// check(): whatever the header claims, the checks of header and file end, stay few, and agree about what is
// an error.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "ggufmap/check.hpp"
#include "mutate.hpp"

using namespace ggufmap;

namespace {

void demand(bool truth) {
    if (!truth) std::abort();
}

File file_of(const std::uint8_t* data, std::size_t size) {
    Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
    demand(::pwrite(fd.get(), data, size, 0) == static_cast<ssize_t>(size));
    return File::adopt(std::move(fd), "fuzz");
}

std::size_t errors_in(const std::vector<Finding>& findings) {
    demand(findings.size() < 1000);
    for (const Finding& finding : findings) demand(!finding.code.empty() && !finding.in_words().empty());
    return static_cast<std::size_t>(
        std::count_if(findings.begin(), findings.end(),
                      [](const Finding& finding) { return finding.severity == Severity::error; }));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) try {
    const Model model = Model::from(file_of(data, size));
    // A full check finds more warnings, never more errors.
    demand(errors_in(check(model, Depth::header)) == errors_in(check(model, Depth::full)));
    MemorySource source(std::as_bytes(std::span(data, size)));
    errors_in(check(Model::header_only(parse(source), "-"), Depth::full));
    return 0;
} catch (const Error& error) {
    demand(error.blames_model());
    return 0;
}
