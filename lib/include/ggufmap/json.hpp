// A JSON writer that never holds the document: what it has written goes to a sink in pieces of about 64 KiB,
// long strings among them, which are cut between characters.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ggufmap/export.hpp"

namespace ggufmap {

/// Appends `text` quoted. Control, C1 and bidirectional characters are \u escapes, so that JSON is safe on a
/// terminal. Bytes that are not UTF-8 become U+FFFD: use JsonWriter::text where they must survive.
GGUFMAP_API void append_json_string(std::string& out, std::string_view text);

/// Appends the shortest decimal that reads back as the same double (float: same float); NaN and the
/// infinities become the strings "NaN", "Infinity" and "-Infinity", as JSON has no numbers for them.
GGUFMAP_API void append_json_number(std::string& out, double number);
GGUFMAP_API void append_json_number(std::string& out, float number);

/// The name of a member of many objects, quoted once for all of them.
class GGUFMAP_API JsonKey {
public:
    explicit JsonKey(std::string_view name);

private:
    friend class JsonWriter;
    std::string quoted_;  ///< with colon and blank
};

/// begin/end calls must nest and every value in an object follows a key(): a programmer's mistake asserts.
class GGUFMAP_API JsonWriter {
public:
    using Sink = std::function<void(std::string_view)>;
    enum class Layout {
        lines,    ///< one member a line, indented by two
        inline_,  ///< all on the line it starts on
        compact   ///< no blank anywhere: for large documents that only programs read
    };

    explicit JsonWriter(Sink sink);
    JsonWriter(const JsonWriter&) = delete;
    JsonWriter& operator=(const JsonWriter&) = delete;

    void begin_object(Layout layout = Layout::lines);
    void end_object();
    void begin_array(Layout layout = Layout::lines);
    void end_array();
    void key(std::string_view name);
    void key(const JsonKey& name);

    void string(std::string_view utf8);
    /// A string, or {"hex":"..."} where `bytes` is not UTF-8, so that nothing is lost.
    void text(std::string_view bytes);
    void number(double value);
    void number(float value);
    /// The same with a point or exponent always ("1.0"), for readers that tell 1 from 1.0.
    void real(float value);
    void real(double value);
    void number(std::signed_integral auto value) { integer(static_cast<std::int64_t>(value)); }
    void number(std::unsigned_integral auto value) { integer(static_cast<std::uint64_t>(value)); }
    void boolean(bool value);
    void null();
    /// The number, or null for what is unknown.
    void number_or_null(std::optional<std::uint64_t> value);

    /// Ends the document with a newline and hands the rest to the sink. Errors of the sink come out here or
    /// of any call before.
    void finish();

private:
    struct Level {
        bool array;
        Layout layout;
        bool empty;
    };
    template <typename Float>
    void append_real(Float value);
    void integer(std::int64_t value);
    void integer(std::uint64_t value);
    void begin(bool array, Layout layout, char open);
    void end(char close);
    void before_value();
    void separate();
    void drain();

    Sink sink_;
    std::string buffer_;
    std::vector<Level> levels_;
    bool after_key_ = false;
};

}  // namespace ggufmap
