#include "ggufmap/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <iterator>

#include "detail/append_hex.hpp"
#include "detail/plain_text.hpp"
#include "detail/utf8.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap {
namespace {

constexpr std::size_t drain_at = 64 * 1024;

void append_escape(std::string& out, char32_t c) {
    switch (c) {
        case '"':
            out += "\\\"";
            break;
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\r':
            out += "\\r";
            break;
        default:
            out += "\\u";  // no control character lies beyond U+2069
            detail::append_hex(out, c, 4);
    }
}

// Moves `text` to `out` until that is about `enough` long, whole characters at a time.
void append_escaped(std::string& out, std::string_view& text, std::size_t enough) {
    while (!text.empty() && out.size() < enough) {
        const std::size_t plain = detail::plain_prefix<'"', '\\'>(text.substr(0, drain_at));
        out.append(text.data(), plain);
        text.remove_prefix(plain);
        if (text.empty() || plain == drain_at) continue;
        const auto [c, size] = detail::decode_utf8(text);
        if (size == 0) {
            out += "\xEF\xBF\xBD";
        } else if (detail::is_control(c) || c == '"' || c == '\\') {
            append_escape(out, c);
        } else {
            out.append(text.data(), size);
        }
        text.remove_prefix(size == 0 ? 1 : size);
    }
}

template <typename Float>
void append_float(std::string& out, Float number) {
    constexpr Float whole_below = 1e6;  // percentages are 0 or 100 mostly: the same digits, sooner
    if (number >= 0 && number < whole_below && !std::signbit(number) &&
        number == static_cast<Float>(static_cast<int>(number))) {
        const fmt::format_int digits(static_cast<int>(number));
        out.append(digits.data(), digits.size());
    } else if (std::isnan(number)) {
        out += "\"NaN\"";
    } else if (std::isinf(number)) {
        out += number < 0 ? "\"-Infinity\"" : "\"Infinity\"";
    } else if (number == 0 && std::signbit(number)) {
        out += "-0.0";  // readers take "-0" for an integer, which has no sign
    } else {
        fmt::format_to(std::back_inserter(out), "{}", number);
    }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    append_escaped(out, text, SIZE_MAX);
    out += '"';
}

void append_json_number(std::string& out, double number) { append_float(out, number); }
void append_json_number(std::string& out, float number) { append_float(out, number); }

JsonKey::JsonKey(std::string_view name) {
    append_json_string(quoted_, name);
    quoted_ += ": ";
}

JsonWriter::JsonWriter(Sink sink) : sink_(std::move(sink)) {}

void JsonWriter::drain() {
    sink_(buffer_);
    buffer_.clear();
}

void JsonWriter::separate() {
    if (levels_.empty()) return;
    Level& level = levels_.back();
    if (!level.empty) buffer_ += ',';
    if (level.layout == Layout::lines) {
        buffer_ += '\n';
        buffer_.append(2 * levels_.size(), ' ');
    } else if (level.layout == Layout::inline_ && !level.empty) {
        buffer_ += ' ';
    }
    level.empty = false;
    if (buffer_.size() >= drain_at) drain();
}

void JsonWriter::before_value() {
    if (after_key_) {
        after_key_ = false;
        return;
    }
    assert(levels_.empty() || levels_.back().array);
    separate();
}

void JsonWriter::begin(bool array, Layout layout, char open) {
    before_value();
    buffer_ += open;
    // What is inside one line cannot break it.
    if (!levels_.empty()) layout = std::max(layout, levels_.back().layout);
    levels_.push_back({array, layout, true});
}

void JsonWriter::end(char close) {
    assert(!levels_.empty() && !after_key_);
    const Level level = levels_.back();
    levels_.pop_back();
    if (!level.empty && level.layout == Layout::lines) {
        buffer_ += '\n';
        buffer_.append(2 * levels_.size(), ' ');
    }
    buffer_ += close;
}

void JsonWriter::begin_object(Layout layout) { begin(false, layout, '{'); }
void JsonWriter::end_object() { end('}'); }
void JsonWriter::begin_array(Layout layout) { begin(true, layout, '['); }
void JsonWriter::end_array() { end(']'); }

void JsonWriter::key(std::string_view name) {
    assert(!levels_.empty() && !levels_.back().array && !after_key_);
    separate();
    append_json_string(buffer_, name);
    buffer_ += levels_.back().layout == Layout::compact ? ":" : ": ";
    after_key_ = true;
}

void JsonWriter::key(const JsonKey& name) {
    assert(!levels_.empty() && !levels_.back().array && !after_key_);
    separate();
    buffer_.append(name.quoted_, 0, name.quoted_.size() - (levels_.back().layout == Layout::compact ? 1 : 0));
    after_key_ = true;
}

void JsonWriter::string(std::string_view utf8) {
    before_value();
    buffer_ += '"';
    for (;;) {
        append_escaped(buffer_, utf8, drain_at);
        if (utf8.empty()) break;
        drain();  // a string may be as long as the header
    }
    buffer_ += '"';
}

void JsonWriter::text(std::string_view bytes) {
    if (valid_utf8(bytes)) return string(bytes);
    begin_object(Layout::inline_);
    key("hex");
    before_value();
    buffer_ += '"';
    for (const char c : bytes) {
        detail::append_hex(buffer_, static_cast<unsigned char>(c), 2);
        if (buffer_.size() >= drain_at) drain();
    }
    buffer_ += '"';
    end_object();
}

void JsonWriter::number(double value) {
    before_value();
    append_json_number(buffer_, value);
}

void JsonWriter::number(float value) {
    before_value();
    append_json_number(buffer_, value);
}

template <typename Float>
void JsonWriter::append_real(Float value) {
    before_value();
    const std::size_t begin = buffer_.size();
    append_json_number(buffer_, value);
    if (buffer_.find_first_of(".e\"", begin) == std::string::npos) buffer_ += ".0";
}

void JsonWriter::real(float value) { append_real(value); }
void JsonWriter::real(double value) { append_real(value); }

void JsonWriter::integer(std::int64_t value) {
    before_value();
    const fmt::format_int digits(value);
    buffer_.append(digits.data(), digits.size());
}

void JsonWriter::integer(std::uint64_t value) {
    before_value();
    const fmt::format_int digits(value);
    buffer_.append(digits.data(), digits.size());
}

void JsonWriter::boolean(bool value) {
    before_value();
    buffer_ += value ? "true" : "false";
}

void JsonWriter::null() {
    before_value();
    buffer_ += "null";
}

void JsonWriter::number_or_null(std::optional<std::uint64_t> value) {
    if (value) {
        integer(*value);
    } else {
        null();
    }
}

void JsonWriter::finish() {
    assert(levels_.empty());
    buffer_ += '\n';
    drain();
}

}  // namespace ggufmap
