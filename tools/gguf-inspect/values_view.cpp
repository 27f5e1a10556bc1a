// --get: bare values for scripts.
#include <fmt/format.h>

#include <algorithm>

#include "common/numbers.hpp"
#include "gguf-inspect/views.hpp"
#include "gguf-inspect/words.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::inspect {
namespace {

using cli::NumberRange;

/// What "KEY" or "KEY:0-9,20" asks for.
struct Wanted {
    const KeyValue* entry;
    std::vector<NumberRange> elements;  ///< empty: all
};

Wanted find(const Subject& subject, const std::string& asked) {
    const Gguf& head = subject.model->head();
    if (const KeyValue* entry = head.find(asked)) return {entry, {}};
    const auto colon = asked.rfind(':');
    if (colon != std::string::npos) {
        const KeyValue* entry = head.find(asked.substr(0, colon));
        const auto elements = cli::parse_ranges(asked.substr(colon + 1));
        if (entry != nullptr && !elements)
            throw Error(ErrorKind::usage, {}, fmt::format("--get: '{}' is no slice, wanted KEY:0-9", asked));
        if (entry != nullptr) return {entry, *elements};
    }
    throw Error(ErrorKind::mismatch, {subject.name}, fmt::format("no key '{}'", asked)).coded("key-absent");
}

class Printer {
public:
    Printer(const cli::Style& style, cli::Io& io)
        : io_(io),
          end_(style.format == cli::Format::nul ? '\0' : '\n'),
          raw_(!io.terminal(cli::Stream::out).present) {}

    // Scripts get the bytes; a terminal gets no control characters but the newlines of a chat template.
    void print(const Value& value) {
        write_bare_text(value, UINT64_MAX, [this](std::string_view piece) {
            if (raw_) {
                io_.out(piece);
            } else {
                io_.out(printable_lines(piece));
            }
        });
        io_.out({&end_, 1});
    }

private:
    static std::string printable_lines(std::string_view text) {
        std::string out;
        for (;;) {
            const auto newline = text.find('\n');
            out += printable(text.substr(0, newline));
            if (newline == std::string_view::npos) return out;
            out += '\n';
            text.remove_prefix(newline + 1);
        }
    }

    cli::Io& io_;
    char end_;
    bool raw_;
};

void print_slice(const ArrayView& array, NumberRange range, const Error::Where& where, Printer& printer) {
    if (range.first >= array.size())
        throw Error(ErrorKind::mismatch, where,
                    fmt::format("no element {}, there are {}", range.first, array.size()));
    const std::uint64_t last = std::min(range.last, array.size() - 1);
    if (size_of(array.element_type()) != 0) {
        for (std::uint64_t i = range.first; i <= last; ++i) printer.print(array.at(i));
        return;
    }
    std::uint64_t index = 0;
    for (const Value element : array) {
        if (index > last) return;
        if (index++ >= range.first) printer.print(element);
    }
}

}  // namespace

cli::Status show_values(const Subject& subject, const cli::Args& args, cli::Io& io) {
    Printer printer(cli::Style::from(args), io);
    for (const std::string& asked : args.all("--get")) {
        const auto [entry, elements] = find(subject, asked);
        const Error::Where where{subject.name, fmt::format("key '{}'", entry->key)};
        const auto array = entry->value.as_array();
        if (!array && !elements.empty()) throw Error(ErrorKind::mismatch, where, "is no array");
        if (!array) {
            printer.print(entry->value);
        } else if (elements.empty()) {
            for (const Value element : *array) printer.print(element);
        } else {
            for (const NumberRange range : elements) print_slice(*array, range, where, printer);
        }
    }
    return cli::Status::ok;
}

}  // namespace ggufmap::inspect
