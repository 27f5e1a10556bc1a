// A model in Ollama without a copy: blobs that share or point to the model's own bytes, and a manifest.
// Source of the layout: Ollama's manifest and types/model packages (August 2026).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"

namespace ggufmap::ollama {

/// NAME[:TAG]; the tag is "latest" where none is given.
struct Name {
    std::string model;
    std::string tag;
};
/// Throws Error (usage) for what Ollama would not take: each part starts with a letter, digit or underscore,
/// goes on with those, '-' and '.', and has at most 80 characters.
GGUFMAP_API Name parse_name(std::string_view text);

/// How a blob comes to have the model's bytes.
enum class Link {
    automatic,  ///< the first of the three that works
    reflink,    ///< shares disk blocks, outlives the model file
    hard,       ///< another name of the same file
    symbolic    ///< breaks when the model moves
};
GGUFMAP_API std::string_view name_of(Link link);

/// A blob to be; `content` is empty where it stands for a file.
struct Layer {
    std::string media_type;
    std::string digest;  ///< 64 hex digits of SHA-256
    std::uint64_t size = 0;
    std::string content = {};
    const File* file = nullptr;
};

/// What goes into the manifest beside the model.
struct Extras {
    std::string params = {};  ///< JSON; each of these is left out where empty
    std::string chat_template = {};
    std::string system = {};
    std::string license = {};
};

/// SHA-256 of each file in hex, the files in parallel on at most `jobs` threads.
GGUFMAP_API std::vector<std::string> sha256_of(const std::vector<const File*>& files, unsigned jobs,
                                               Progress& progress);

/// .FILE.ggufmap-sha256 beside the file.
GGUFMAP_API std::string digest_cache_path(const File& file);
/// The digest kept there by store_digest; nothing where there is none, or the file was replaced, changed,
/// copied or linked since.
GGUFMAP_API std::optional<std::string> stored_digest(const File& file);
/// Throws Error (io) where store_digest() must fail: known before hours of hashing.
GGUFMAP_API void require_digest_place(const File& file);
/// Keeps it there, as sha256sum prints it, with device, inode, size and times of the file in a comment.
/// Throws Error (io), also where a file of that name is not of our making; Error (mismatch) if the file has
/// changed.
GGUFMAP_API void store_digest(const File& file, const std::string& hex);

/// What `ollama show` tells of a model: format, family, size and file type, as JSON.
GGUFMAP_API std::string config_json(const Model& model, bool with_projector);
/// {"stop":[...],"temperature":...}: the stops given and general.sampling.* of the metadata; empty for
/// neither.
GGUFMAP_API std::string params_json(const Gguf& head, const std::vector<std::string>& stops);

/// A registration, planned.
struct Plan {
    Name name;
    Layer config;
    std::vector<Layer> layers;  ///< models first, then projectors, template, system, params, license
};
/// `digests` are of the model's files, then of the projector.
GGUFMAP_API Plan make_plan(const Model& model, const Model* projector, const Name& name,
                           const std::vector<std::string>& digests, const Extras& extras);
/// Compact, as Ollama writes it.
GGUFMAP_API std::string manifest_json(const Plan& plan);

/// What became of a blob.
struct Placed {
    std::string path;
    std::string how;  ///< "reflink", "hard link", "symlink", "written" or "there already"
    std::uint64_t size = 0;
    std::uint64_t new_bytes = 0;  ///< that take new disk blocks
};

/// Throws the Error (io) that install() would throw where the name is taken or the folder is not there or
/// must not be written to: known before hours of hashing.
GGUFMAP_API void require_installable(const std::string& models_directory, const Name& name, bool replace);

/// The same where blobs cannot have these files' bytes in the way that `link` asks for.
GGUFMAP_API void require_linkable(const std::vector<const File*>& files, const std::string& models_directory,
                                  Link link);

/// Whether the owner of Ollama's models folder, for one its service, may read the blob that a hard link or
/// symlink to the file is: as far as the modes tell, of the file and of the directories on a symlink's way.
GGUFMAP_API bool readable_by_owner(const File& file, const std::string& models_directory, Link link);

/// What install() would do. Throws what it would throw for blobs that are there already, and reads those that
/// it would read.
GGUFMAP_API std::vector<Placed> foresee(const Plan& plan, const std::string& models_directory, Link link,
                                        Progress& progress);

/// Puts the blobs, then the manifest, into Ollama's models folder (which must exist). Existing blobs stay as
/// they are, once their digests are found to be true; symlinks whose file is gone give way; an existing name
/// is Error (io) unless `replace`, and a model that was replaced or written to since it was opened Error
/// (mismatch). The manifest appears last and at once: a run that ends early leaves blobs
/// that Ollama removes by itself. What root makes belongs to the owner of the folder. Returns blobs in order,
/// the manifest last.
GGUFMAP_API std::vector<Placed> install(const Plan& plan, const std::string& models_directory, Link link,
                                        bool replace, Progress& progress);
/// Where the manifest of that name stands.
GGUFMAP_API std::string manifest_path(const std::string& models_directory, const Name& name);

}  // namespace ggufmap::ollama
