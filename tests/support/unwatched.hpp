// A Progress that only counts.
#pragma once

#include <cstdint>

#include "ggufmap/copy.hpp"

namespace ggufmap::test {

class Unwatched final : public Progress {
public:
    void add(std::uint64_t bytes) override { done += bytes; }
    bool stop_requested() override { return false; }
    std::uint64_t done = 0;
};

}  // namespace ggufmap::test
