#include "common/human_table.hpp"

#include <libsmartcols/libsmartcols.h>

#include <cstdlib>
#include <new>

#include "common/report.hpp"
#include "common/utf8_locale.hpp"

namespace ggufmap::cli {
namespace {

/// libsmartcols returns a negative errno; it fails for want of memory only.
void check(int result) {
    if (result < 0) throw std::bad_alloc();
}

template <class Pointer>
Pointer check(Pointer result) {
    if (result == nullptr) throw std::bad_alloc();
    return result;
}

}  // namespace

void HumanTable::Deleter::operator()(libscols_table* table) const { scols_unref_table(table); }

HumanTable::HumanTable(const std::vector<Column>& columns) : table_(check(scols_new_table())) {
    check(scols_table_enable_noencoding(table_.get(), 1));  // cells are printable() already
    for (const Column& column : columns) {
        // A width hint of 1 lets libsmartcols choose by content.
        const int flags = column.shows == Shows::text   ? SCOLS_FL_TRUNC
                          : column.shows == Shows::word ? 0
                                                        : SCOLS_FL_RIGHT;
        check(scols_table_new_column(table_.get(), column.heading.c_str(), 1, flags));
    }
}

HumanTable::HumanTable(const std::vector<Column>& columns, const HumanTable& before) : HumanTable(columns) {
    check(scols_table_enable_noheadings(table_.get(), 1));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const std::size_t width = scols_column_get_width(scols_table_get_column(before.table_.get(), i));
        check(scols_column_set_whint(scols_table_get_column(table_.get(), i), static_cast<double>(width)));
    }
}

void HumanTable::add(const std::vector<std::string>& cells) {
    libscols_line* const line = check(scols_table_new_line(table_.get(), nullptr));
    for (std::size_t i = 0; i < cells.size(); ++i) check(scols_line_set_data(line, i, cells[i].c_str()));
}

std::string HumanTable::text(unsigned width) const {
    if (scols_table_is_empty(table_.get()) != 0) return {};
    // libsmartcols measures by the locale, and in the C locale a combining character, for one, keeps it busy
    // for ever (2.38.1).
    const Utf8Locale locale;
    // Forced, as libsmartcols would ask its own stdout; 0 leaves it unlimited.
    check(
        scols_table_set_termforce(table_.get(), width == 0 ? SCOLS_TERMFORCE_NEVER : SCOLS_TERMFORCE_ALWAYS));
    if (width > 0) check(scols_table_set_termwidth(table_.get(), width));
    char* printed = nullptr;
    check(scols_print_table_to_string(table_.get(), &printed));
    const std::unique_ptr<char, decltype(&std::free)> owner(printed, std::free);
    return std::string(check(printed)) + "\n";
}

}  // namespace ggufmap::cli
