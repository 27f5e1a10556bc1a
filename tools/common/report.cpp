#include "common/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

#include "common/human_table.hpp"
#include "common/numbers.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::cli {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
    using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;  // clang 14 does not find it by itself

/// The value in full, for scripts; names as they stand.
std::string exact_text(const Cell& cell) {
    return std::visit(
        Overloaded{
            [](std::monostate) { return std::string(); }, [](const std::string& text) { return text; },
            [](bool value) { return std::string(value ? "true" : "false"); },
            [](const std::vector<std::uint64_t>& list) { return fmt::format("{}", fmt::join(list, " x ")); },
            [](auto number) { return fmt::format("{}", number); }},
        cell);
}

/// The value as people like it.
std::string human_text(const Cell& cell, Shows shows, bool exact_bytes) {
    if (std::holds_alternative<std::monostate>(cell)) return "-";
    if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
        if (shows == Shows::size && !exact_bytes) return human_size(*number);
        if (shows == Shows::count) return human_count(*number);
    }
    if (const auto* number = std::get_if<double>(&cell)) {
        if (shows == Shows::percent) return human_percent(*number);
        return fmt::format("{:.4g}", *number);
    }
    return printable(exact_text(cell));
}

void write_json(JsonWriter& json, const Cell& cell) {
    std::visit(
        Overloaded{[&](std::monostate) { json.null(); }, [&](const std::string& text) { json.text(text); },
                   [&](bool value) { json.boolean(value); },
                   [&](const std::vector<std::uint64_t>& list) {
                       json.begin_array(JsonWriter::Layout::inline_);
                       for (const std::uint64_t item : list) json.number(item);
                       json.end_array();
                   },
                   [&](auto number) { json.number(number); }},
        cell);
}

}  // namespace

class Report::Rows {
public:
    virtual ~Rows() = default;
    virtual void add(const std::vector<Cell>& cells) = 0;
    virtual void add(std::vector<Cell> cells, const Report::Write& write) {
        std::string last;
        write([&](std::string_view piece) { last += piece; });
        cells.emplace_back(std::move(last));
        add(cells);
    }
    virtual void finish() = 0;
};

namespace {

class TableRows final : public Report::Rows {
public:
    TableRows(Io& io, bool exact_bytes, const std::vector<Column>& columns)
        : io_(io), exact_bytes_(exact_bytes), table_(columns, io.terminal(Stream::out).width) {
        for (const Column& column : columns) shows_.push_back(column.shows);
    }

    void add(const std::vector<Cell>& cells) override {
        for (std::size_t i = 0; i < cells.size(); ++i)
            table_.add(human_text(cells[i], shows_[i], exact_bytes_));
        if (++rows_ % rows_at_once == 0) io_.out(table_.take());
    }

    void finish() override { io_.out(table_.take()); }

private:
    // 100,000 tensors would take 20 MB.
    static constexpr std::uint64_t rows_at_once = 4096;

    Io& io_;
    bool exact_bytes_;
    std::vector<Shows> shows_;
    HumanTable table_;
    std::uint64_t rows_ = 0;
};

class TextRows final : public Report::Rows {
public:
    TextRows(Io& io, const Style& style, const std::vector<Column>& columns)
        : io_(io), end_(style.format == Format::nul ? '\0' : '\n'), model_(printable(style.model)) {
        if (end_ == '\0' || style.continues) return;  // -0 has no heading
        std::string line;
        if (!model_.empty()) append(line, "model");
        for (const Column& column : columns) append(line, column.name);
        print(line);
    }

    void add(const std::vector<Cell>& cells) override {
        start(cells);
        print(line_);
    }

    void add(std::vector<Cell> cells, const Report::Write& write) override {
        start(cells);
        write([&](std::string_view piece) {
            append_printable(line_, piece);
            io_.out(line_);
            line_.clear();
        });
        line_ += '\t';
        print(line_);
    }

    void finish() override {}

private:
    // Every cell is followed by a tab; print() turns the last one into the end of the row.
    static void append(std::string& line, std::string_view cell) {
        line += cell;
        line += '\t';
    }
    void start(const std::vector<Cell>& cells) {
        line_.clear();
        if (!model_.empty()) append(line_, model_);
        for (const Cell& cell : cells) {
            append_value(line_, cell);
            line_ += '\t';
        }
    }
    // By the shortest way: 100,000 tensors are a million cells.
    static void append_value(std::string& line, const Cell& cell) {
        if (const auto* number = std::get_if<std::uint64_t>(&cell)) {
            append_number(line, *number);
        } else if (const auto* fraction = std::get_if<double>(&cell); fraction && is_small_whole(*fraction)) {
            append_number(line, static_cast<std::uint64_t>(*fraction));
        } else if (const auto* text = std::get_if<std::string>(&cell)) {
            append_printable(line, *text);
        } else if (!std::holds_alternative<std::monostate>(cell)) {
            append_printable(line, exact_text(cell));
        }
    }
    static void append_number(std::string& line, std::uint64_t number) {
        std::array<char, 20> digits;  // of 2^64
        const auto [end, error] = std::to_chars(digits.begin(), digits.end(), number);
        line.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
    }
    // Percentages are 0 or 100 mostly, and look the same as integers.
    static bool is_small_whole(double number) {
        return number >= 0 && number <= 100 && number == static_cast<int>(number) && !std::signbit(number);
    }
    void print(std::string& line) {
        line.back() = end_;
        io_.out(line);
    }

    Io& io_;
    char end_;
    std::string model_;
    std::string line_;  // that of the last row, for its memory
};

class JsonRows final : public Report::Rows {
public:
    JsonRows(JsonWriter& json, const std::vector<Column>& columns) : json_(json) {
        for (const Column& column : columns) keys_.emplace_back(column.name);
        json_.begin_array();
    }

    void add(const std::vector<Cell>& cells) override {
        json_.begin_object(JsonWriter::Layout::inline_);
        for (std::size_t i = 0; i < cells.size(); ++i) {
            json_.key(keys_[i]);
            write_json(json_, cells[i]);
        }
        json_.end_object();
    }

    void finish() override { json_.end_array(); }

private:
    JsonWriter& json_;
    std::vector<JsonKey> keys_;
};

std::unique_ptr<Report::Rows> rows_for(Io& io, const Style& style, const std::vector<Column>& columns) {
    assert(style.format != Format::json && !columns.empty());
    if (style.format == Format::table) return std::make_unique<TableRows>(io, style.exact_bytes, columns);
    return std::make_unique<TextRows>(io, style, columns);
}

}  // namespace

Style Style::from(const Args& args) {
    args.at_most_one_of({"--json", "--tsv", "--null"});
    Style style{.exact_bytes = args.has("--bytes")};
    if (args.has("--json")) style.format = Format::json;
    if (args.has("--tsv")) style.format = Format::tsv;
    if (args.has("--null")) style.format = Format::nul;
    return style;
}

Report::Report(Io& io, const Style& style, const std::vector<Column>& columns)
    : column_count_(columns.size()), rows_(rows_for(io, style, columns)) {}

Report::Report(JsonWriter& json, const std::vector<Column>& columns)
    : column_count_(columns.size()), rows_(std::make_unique<JsonRows>(json, columns)) {}

Report::~Report() = default;

void Report::row(const std::vector<Cell>& cells) {
    assert(cells.size() == column_count_);
    rows_->add(cells);
}

void Report::row(const std::vector<Cell>& cells, const Write& write) {
    assert(cells.size() + 1 == column_count_);
    rows_->add(cells, write);
}

void Report::finish() { rows_->finish(); }

JsonWriter::Sink json_sink(Io& io) {
    return [&io](std::string_view text) { io.out(text); };
}

}  // namespace ggufmap::cli
