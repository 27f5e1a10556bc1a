// --kv: the metadata.
#include <fmt/format.h>
#include <fnmatch.h>

#include "gguf-inspect/views.hpp"
#include "gguf-inspect/words.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Shows;

constexpr std::uint64_t first_elements = 8;
// People want to see what a value is like, not to scroll through a chat template.
constexpr std::size_t shown_characters = 120;

std::string shortened(std::string text) {
    if (text.size() <= shown_characters) return text;
    std::size_t end = shown_characters;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // whole characters
    return text.substr(0, end) + "...";
}

std::string value_text(const Value& value, bool whole_arrays) {
    const auto array = value.as_array();
    return array ? array_text(*array, whole_arrays ? UINT64_MAX : first_elements) : bare_text(value);
}

std::string type_text(const Value& value) {
    const auto array = value.as_array();
    return array ? fmt::format("{}[{}]", name_of(array->element_type()), array->size())
                 : std::string(name_of(value.type()));
}

}  // namespace

cli::Status show_keys(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const cli::Style style = subject.style(args);
    const std::string glob = args.text("--kv").value_or("");
    const bool whole = args.has("--arrays");
    const bool shorten = style.format == cli::Format::table && !whole;
    cli::Report report(io, style,
                       {{"key", "KEY", Shows::word}, {"type", "TYPE", Shows::word}, {"value", "VALUE"}});
    bool any = false;
    for (const KeyValue& entry : subject.model->head().metadata()) {
        const std::string key(entry.key);
        if (!glob.empty() && ::fnmatch(glob.c_str(), key.c_str(), 0) != 0) continue;
        std::string text = value_text(entry.value, whole);
        report.row({key, type_text(entry.value), shorten ? shortened(std::move(text)) : std::move(text)});
        any = true;
    }
    report.finish();
    if (any || glob.empty()) return cli::Status::ok;
    throw Error(ErrorKind::mismatch, {subject.name}, fmt::format("no key matches '{}'", glob));
}

}  // namespace ggufmap::inspect
