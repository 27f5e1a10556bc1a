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
    /// Gives the folder its name, at once where the file system can. Where it cannot, a new name is an empty
    /// directory for a moment, and a name that is replaced is gone for one. Throws Error (io).
    void publish();

private:
    void rename_to(const std::string& from, const std::string& to) const;
    /// Returns the hidden name of what was replaced, or "".
    std::string take_name() const;

    IsOurs is_ours_;
    std::shared_ptr<const OutputDirectory> parent_;
    std::shared_ptr<const OutputDirectory> directory_;
    std::string name_;
    std::string temporary_;
    bool replaces_ = false;
};

}  // namespace ggufmap::hf
