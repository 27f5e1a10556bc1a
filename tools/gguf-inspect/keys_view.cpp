// --kv: the metadata.
#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <functional>

#include "gguf-inspect/sheet.hpp"
#include "gguf-inspect/views.hpp"
#include "gguf-inspect/words.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::Shows;

constexpr std::uint64_t first_elements = 8;
// People want to see what a value is like, not to scroll through a chat template.
constexpr std::size_t shown_characters = 120;

std::string shortened(const Value& value) {
    std::string text;
    if (append_bare_text(text, value, first_elements, shown_characters)) text += "...";
    return text;
}

std::string type_text(const Value& value) {
    const auto array = value.as_array();
    return array ? fmt::format("{}[{}]", name_of(array->element_type()), array->size())
                 : std::string(name_of(value.type()));
}

// Metadata of a model and which of it is asked for.
class Asked {
public:
    Asked(const Subject& subject, std::string glob) : subject_(subject), glob_(std::move(glob)) {}

    void for_each(const std::function<void(const KeyValue&)>& use) const {
        bool any = false;
        for (const KeyValue& entry : subject_.model->head().metadata()) {
            if (!glob_.empty() && ::fnmatch(glob_.c_str(), std::string(entry.key).c_str(), 0) != 0) continue;
            use(entry);
            any = true;
        }
        if (!any && !glob_.empty())
            throw Error(ErrorKind::mismatch, {subject_.name}, fmt::format("no key matches '{}'", glob_));
    }

private:
    const Subject& subject_;
    std::string glob_;
};

// Whole values may be as long as the header: they are printed as they come, in columns of our own.
void print_whole(const Asked& asked, cli::Io& io) {
    constexpr std::size_t widest_key = 60;  // a longer one stands out, and none makes the others wide
    std::size_t key_width = 3;
    std::size_t type_width = 4;
    asked.for_each([&](const KeyValue& entry) {
        key_width = std::max(key_width, std::min(length_of(printable(entry.key)), widest_key));
        type_width = std::max(type_width, type_text(entry.value).size());
    });
    const auto print_names = [&](const std::string& key, const std::string& type) {
        const std::size_t length = length_of(key);
        io.out(key + std::string(key_width - std::min(length, key_width) + 1, ' ') +
               fmt::format("{:<{}} ", type, type_width));
    };
    print_names("KEY", "TYPE");
    io.out("VALUE\n");
    asked.for_each([&](const KeyValue& entry) {
        print_names(printable(entry.key), type_text(entry.value));
        write_bare_text(entry.value, UINT64_MAX, [&](std::string_view piece) { io.out(printable(piece)); });
        io.out("\n");
    });
}

}  // namespace

cli::Status show_keys(const Subject& subject, const cli::Args& args, cli::Io& io) {
    const cli::Style style = subject.style(args);
    const Asked asked(subject, args.text("--kv").value_or(""));
    const bool whole = args.has("--arrays");
    const bool for_people = style.format == cli::Format::table;
    if (for_people && whole) {
        print_whole(asked, io);
        return cli::Status::ok;
    }
    cli::Report report(io, style,
                       {{"key", "KEY", Shows::word}, {"type", "TYPE", Shows::word}, {"value", "VALUE"}});
    asked.for_each([&](const KeyValue& entry) {
        const std::string key(entry.key);
        if (for_people) return report.row({key, type_text(entry.value), shortened(entry.value)});
        report.row({key, type_text(entry.value)}, [&](const JsonWriter::Sink& sink) {
            write_bare_text(entry.value, whole ? UINT64_MAX : first_elements, sink);
        });
    });
    report.finish();
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
