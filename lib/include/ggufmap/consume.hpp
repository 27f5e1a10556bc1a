// Shards that take the place of their model, and a model that takes the place of its shards: for disks that
// cannot hold both. At most one shard is there twice. Every step is durable before what it replaces is freed,
// and a journal tells a later run how far this one came, so that a kill at any moment loses nothing.
#pragma once

#include <optional>
#include <string>

#include "ggufmap/copy.hpp"
#include "ggufmap/export.hpp"
#include "ggufmap/model.hpp"
#include "ggufmap/shard.hpp"
#include "ggufmap/stitch.hpp"

namespace ggufmap {

/// The model to be consumed, by path. From the first hole in it on it is no model any more, and hidden as
/// ".NAME.ggufmap-consumed". With `resume` that one is found, too; nothing then where an earlier run has
/// freed all of it. Throws Error: io; usage where the path is a symlink or the file has other hard links,
/// which would be left with nothing.
GGUFMAP_API std::optional<File> open_consumed(const std::string& path, bool resume);

/// Writes the shards one by one, the first one after all others: content durable, read back and compared,
/// name durable, journal, then the hole in the model; at the end the model goes. The journal lies beside the
/// shards. With `resume` what an earlier run has journalled is taken over, if it is still right. After an
/// Error nothing has happened where nothing was freed yet; else its reason says how to go on. Throws Error:
/// io (also where another run has the model, the journal of an earlier run is there without `resume`, or the
/// file system cannot punch holes); mismatch where the journal belongs to another model or plan, the model is
/// written to, moved or replaced meanwhile, or what was written is no longer so.
GGUFMAP_API ShardResult consume(const ShardPlan& plan, const ShardRun& options, bool resume,
                                Progress& progress);

/// What consume() looks at before the first byte: permission, space, names, the journal of an earlier run.
/// Throws Error as consume() does.
GGUFMAP_API void require_consumable(const ShardPlan& plan, const ShardRun& options, bool resume);

/// True where a run that was to make these shards (or this model) has begun and has not ended.
GGUFMAP_API bool is_begun(const std::string& output);

/// Removes what is left of a run that has freed its model: true, or false where there is no such run.
GGUFMAP_API bool finish_consumed(const std::string& prefix);

/// Puts the shards together in a hidden file beside `path` and removes each as soon as its bytes are there,
/// durable and read back; at the end the file gets its name. The shards are checked against their list
/// before, where there is one, and each once more on its way. The journal lies beside the result. After an
/// Error nothing has happened where no shard was taken yet; else its reason says how to go on. Throws Error:
/// io (as above); unsupported where the shards are aligned otherwise than the result; what
/// require_consumable() and run() throw. The plan must be the only one that has the shards open: what is open
/// keeps its place on the disk.
GGUFMAP_API void consume(StitchPlan plan, const std::string& path, Progress& progress);

/// Throws Error: usage where removing the shards would free nothing: symlinks, several hard links; io where
/// they cannot be removed, or the largest does not fit beside `path`.
GGUFMAP_API void require_consumable(const StitchPlan& plan, const std::string& path);

/// Goes on where consume() was ended; the shards are found through the journal. False where there is nothing
/// to go on with, and no shard was removed yet. Throws Error: io; mismatch where a shard that is still needed
/// is not what it was, or not what was listed.
GGUFMAP_API bool resume_consume(const std::string& path, Progress& progress);

}  // namespace ggufmap
