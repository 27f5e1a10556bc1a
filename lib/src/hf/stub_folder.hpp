// A directory that appears whole or not at all.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "ggufmap/output.hpp"

namespace ggufmap::hf {

/// Says which names a folder of ours may hold.
using IsOurs = std::function<bool(std::string_view)>;

/// Throws Error (io) where `path` exists and must not be replaced, is a symlink or no directory, holds a
/// directory or a name that is not ours, or where nothing can be made beside it.
void require_place(const std::string& path, bool replace, const IsOurs& is_ours);

class NewFolder {
public:
    /// Makes a hidden sibling of `path`. Throws Error (io), also as require_place() does.
    NewFolder(const std::string& path, bool replace, IsOurs is_ours);
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    /// Removes what was not published.
    ~NewFolder();

    const std::shared_ptr<const OutputDirectory>& directory() const { return directory_; }
    /// Gives the folder its name. Throws Error (io).
    void publish();

private:
    IsOurs is_ours_;
    std::shared_ptr<const OutputDirectory> parent_;
    std::shared_ptr<const OutputDirectory> directory_;
    std::string name_;
    std::string temporary_;
    bool exchange_ = false;
};

}  // namespace ggufmap::hf
