// --procs: the table, its remarks and its sum.
#include <fmt/format.h>
#include <pwd.h>

#include <algorithm>
#include <cctype>

#include "common/numbers.hpp"
#include "gguf-residency/lens.hpp"
#include "gguf-residency/procs.hpp"
#include "gguf-residency/wrapped.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::residency {
namespace {

using cli::Cell;
using cli::human_size;
using cli::Shows;

std::string user_name(std::uint32_t uid) {
    const passwd* user = ::getpwuid(uid);
    return user ? user->pw_name : std::to_string(uid);
}

std::vector<cli::Column> columns(bool several) {
    std::vector<cli::Column> result = {{"pid", "PID", Shows::number},
                                       {"user", "USER"},
                                       {"command", "COMMAND"},
                                       {"container", "CONTAINER"},
                                       {"mapped", "MAPPED", Shows::size},
                                       {"rss", "RSS", Shows::size},
                                       {"pss", "PSS", Shows::size},
                                       {"private_copies", "COPIES", Shows::size},
                                       {"locked", "LOCKED", Shows::size},
                                       {"swapped", "SWAPPED", Shows::size},
                                       {"page_tables", "PAGE TABLES", Shows::size},
                                       {"remark", "REMARK"},
                                       {"cgroup", "CONTROL GROUP"}};
    if (several) result.insert(result.begin(), {"model", "MODEL"});
    return result;
}

void append_cost(std::vector<Cell>& cells, const std::optional<MappingCost>& cost) {
    for (const auto field : {&MappingCost::mapped, &MappingCost::rss, &MappingCost::pss,
                             &MappingCost::anonymous, &MappingCost::locked, &MappingCost::swap})
        cells.push_back(cost ? Cell((*cost).*field) : Cell());
}

std::vector<Cell> cells_of(const ProcessRow& row, Models models, bool several) {
    const Mapper& mapper = row.mapper;
    std::vector<Cell> cells;
    if (several) cells.emplace_back(models[row.model].name());
    cells.emplace_back(static_cast<std::uint64_t>(mapper.pid));
    cells.emplace_back(user_name(mapper.uid));
    cells.emplace_back(mapper.command);
    cells.push_back(mapper.container.empty() ? Cell() : Cell(mapper.container));
    append_cost(cells, mapper.cost);
    cells.emplace_back(mapper.page_tables);
    cells.push_back(row.remark.empty() ? Cell() : Cell(row.remark));
    cells.push_back(mapper.cgroup.empty() ? Cell() : Cell(mapper.cgroup));
    return cells;
}

void write_rows(cli::Report& report, const ProcessReport& processes, Models models, bool several) {
    for (const ProcessRow& row : processes.rows) report.row(cells_of(row, models, several));
    report.finish();
}

// On a terminal: remarks stand below the table, and so do the figures of columns that have no room.
class Screenful {
public:
    Screenful(const View& view, const ProcessReport& processes, Models models)
        : view_(view),
          width_(view.io.terminal(cli::Stream::out).width),
          processes_(processes),
          models_(models),
          columns_(columns(models.size() > 1)) {
        for (const ProcessRow& row : processes.rows)
            rows_.push_back(cells_of(row, models, models.size() > 1));
        below_.resize(rows_.size());
        for (std::size_t row = 0; row < rows_.size(); ++row) below_[row] = processes.rows[row].remark;
        drop("remark");
        for (const char* name : {"container", "private_copies", "locked", "swapped"}) {
            if (says_nothing(name)) drop(name);
        }
        if (width_ < wide) drop("cgroup");
        for (const char* name : {"cgroup", "container", "page_tables", "private_copies", "swapped", "locked",
                                 "mapped", "pss", "rss"}) {
            if (least_width() > width_) drop_below(name);
        }
    }

    void print() const {
        cli::Report report(view_.io, view_.style, columns_);
        for (const auto& cells : rows_) report.row(cells);
        report.finish();
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            if (below_[row].empty()) continue;
            std::string who = std::to_string(processes_.rows[row].mapper.pid);
            if (models_.size() > 1) who += ", " + printable(models_[processes_.rows[row].model].name());
            view_.io.out(wrapped(fmt::format("{}: {}", who, below_[row]), width_, 0, 2) + "\n");
        }
    }

private:
    static constexpr unsigned wide = 120;  // columns: less is no room for paths of control groups

    std::size_t index_of(std::string_view name) const {
        const auto found = std::find_if(columns_.begin(), columns_.end(),
                                        [&](const cli::Column& column) { return column.name == name; });
        return static_cast<std::size_t>(found - columns_.begin());
    }

    bool says_nothing(std::string_view name) const {
        const std::size_t index = index_of(name);
        return std::all_of(rows_.begin(), rows_.end(), [&](const auto& cells) {
            return cells[index] == Cell() || cells[index] == Cell(std::uint64_t{0});
        });
    }

    void drop(std::string_view name) {
        const std::size_t index = index_of(name);
        if (index == columns_.size()) return;
        const auto at = static_cast<std::ptrdiff_t>(index);
        columns_.erase(columns_.begin() + at);
        for (auto& cells : rows_) cells.erase(cells.begin() + at);
    }

    void drop_below(std::string_view name) {
        const std::size_t index = index_of(name);
        if (index == columns_.size()) return;
        for (std::size_t row = 0; row < rows_.size(); ++row) {
            if (rows_[row][index] == Cell() || rows_[row][index] == Cell(std::uint64_t{0})) continue;
            std::string heading = columns_[index].heading;
            if (name != "rss" && name != "pss")
                std::transform(heading.begin(), heading.end(), heading.begin(), ::tolower);
            const std::string what = fmt::format("{} {}", heading, text_of(rows_[row][index]));
            below_[row] = below_[row].empty() ? what : what + "; " + below_[row];
        }
        drop(name);
    }

    std::string text_of(const Cell& cell) const {
        if (const auto* number = std::get_if<std::uint64_t>(&cell))
            return view_.style.exact_bytes ? std::to_string(*number) : human_size(*number);
        const auto* text = std::get_if<std::string>(&cell);
        return text ? printable(*text) : "-";
    }

    // Texts are cut down to their headings, numbers are not.
    std::size_t least_width() const {
        std::size_t sum = columns_.size() - 1;  // gaps
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            std::size_t width = columns_[i].heading.size();
            for (const auto& cells : rows_) {
                if (columns_[i].shows == Shows::size) width = std::max(width, text_of(cells[i]).size());
                if (columns_[i].name == "pid")
                    width = std::max(width, std::to_string(std::get<std::uint64_t>(cells[i])).size());
            }
            sum += width;
        }
        return sum;
    }

    const View& view_;
    std::size_t width_;
    const ProcessReport& processes_;
    Models models_;
    std::vector<cli::Column> columns_;
    std::vector<std::vector<Cell>> rows_;
    std::vector<std::string> below_;  // of each row
};

std::string total_text(const ProcessReport& processes) {
    const MappingCost& total = processes.total;
    return fmt::format(
        "total{}, shared pages counted once: {} resident, of this {} private copies; {} locked, {} swapped, "
        "{} page tables",
        processes.sight.all_seen ? "" : " of these (others may not be looked at)", human_size(total.pss),
        human_size(total.anonymous_pss), human_size(total.locked), human_size(total.swap_pss),
        human_size(processes.page_tables));
}

void write_document(const View& view, const ProcessReport& processes, Models models) {
    JsonWriter json(cli::json_sink(view.io));
    begin_document(json, view);
    json.key("processes");
    cli::Report report(json, columns(true));
    write_rows(report, processes, models, true);
    json.key("shared_once_bytes");
    json.number(processes.total.pss);
    json.key("private_copy_bytes");
    json.number(processes.total.anonymous_pss);
    json.key("locked_bytes");
    json.number(processes.total.locked);
    json.key("swapped_bytes");
    json.number(processes.total.swap_pss);
    json.key("page_table_bytes");
    json.number(processes.page_tables);
    json.key("not_permitted");
    json.number(processes.sight.not_permitted);
    json.key("complete");
    json.boolean(processes.sight.all_seen);
    json.end_object();
    json.finish();
}

}  // namespace

cli::Status show_processes(const View& view, Models models) {
    const ProcessReport processes = find_processes(view.processes, models);
    if (view.style.format == cli::Format::json) {
        write_document(view, processes, models);
        return cli::Status::ok;
    }
    const bool several = models.size() > 1;
    const bool people = view.style.format == cli::Format::table;
    const cli::Terminal terminal = view.io.terminal(cli::Stream::out);
    if (people && processes.rows.empty()) {
        view.io.out(processes.sight.all_seen
                        ? "no process maps it or has it open\n"
                        : "none of the processes that may be looked at maps it or has it open\n");
    } else if (people && terminal.present) {
        Screenful(view, processes, models).print();
    } else {
        cli::Report report(view.io, view.style, columns(several));
        write_rows(report, processes, models, several);
    }
    if (people && !processes.rows.empty())
        view.io.out(wrapped(total_text(processes), terminal.width, 0, 2) + "\n");
    tell_unseen(view, processes.sight);
    return cli::Status::ok;
}

}  // namespace ggufmap::residency
