// Progress of what is read only to be hashed: it was not promised to anyone.
#pragma once

#include "ggufmap/copy.hpp"

namespace ggufmap::detail {

class Silent final : public Progress {
public:
    explicit Silent(Progress& progress) : progress_(progress) {}
    void add(std::uint64_t) override {}
    bool stop_requested() override { return progress_.stop_requested(); }

private:
    Progress& progress_;
};

}  // namespace ggufmap::detail
