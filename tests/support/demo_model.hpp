// A llama-shaped model with a vocabulary that looks real and weights that are random: for demonstrations,
// tests and benchmarks of tools, not for inference. The same options always give the same bytes.
#pragma once

#include <cstdint>
#include <string>

namespace ggufmap::test {

struct DemoOptions {
    std::uint64_t size = 64U << 20;  ///< bytes, roughly
    std::uint64_t seed = 1;
    std::uint64_t experts = 0;     ///< 0: dense; else stacked expert tensors
    std::uint64_t vocabulary = 0;  ///< tokens; 0: by size
};

/// Throws std::system_error.
void write_demo_model(const DemoOptions& options, const std::string& path);

}  // namespace ggufmap::test
