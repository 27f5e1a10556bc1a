// Who opens models: inotify, which needs no privilege.
#pragma once

#include <map>
#include <set>

#include "ggufmap/file.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::prefault_tool {

class OpenWatch {
public:
    /// Throws Error (io).
    OpenWatch();

    /// Readable when something was opened.
    int fd() const { return fd_.get(); }
    /// Watches all files of a model from now on, under this number; nothing else under it any more. Throws
    /// Error (io).
    void watch(std::size_t number, const Model& model);
    void forget(std::size_t number);
    /// The numbers of models that were opened since the last call, by anybody.
    std::set<std::size_t> opened();
    /// Two models that have a file in common.
    bool share(std::size_t a, std::size_t b) const;

private:
    Fd fd_;
    std::multimap<int, std::size_t> numbers_;  // by watch: two models may share a file
};

}  // namespace ggufmap::prefault_tool
