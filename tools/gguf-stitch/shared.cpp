#include "gguf-stitch/shared.hpp"

#include <fmt/format.h>

#include "common/report.hpp"
#include "common/tool.hpp"
#include "ggufmap/error.hpp"
#include "ggufmap/output.hpp"
#include "ggufmap/process.hpp"
#include "ggufmap/shared_memory.hpp"
#include "ggufmap/text.hpp"

namespace ggufmap::stitch {

cli::Status list_shared(const cli::Args& args, cli::Io& io, const Places& places) {
    const auto style = cli::Style::from(args);
    const std::vector<cli::Column> columns = {{"name", "NAME", cli::Shows::text},
                                              {"bytes", "BYTES", cli::Shows::size}};
    const auto models = shared_models(places);
    const auto add_rows = [&](cli::Report& report) {
        for (const SharedModel& model : models) report.row({model.name, model.bytes});
        report.finish();
    };
    if (style.format != cli::Format::json) {
        cli::Report report(io, style, columns);
        add_rows(report);
        return cli::Status::ok;
    }
    JsonWriter json(cli::json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-stitch/1");
    json.key("shared_models");
    cli::Report report(json, columns);
    add_rows(report);
    json.end_object();
    json.finish();
    return cli::Status::ok;
}

cli::Status remove_shared(const std::string& name, const cli::Args& args, cli::Io& io, const Places& places) {
    const std::string path = resolve_model("shm:" + name, places);
    const File file = File::open(path);
    if (!is_shared_model(file)) throw Error(ErrorKind::unsupported, {path}, "is no GGUF model: not removed");
    const std::vector<MapsIdentity> identity = {maps_identity(file)};
    const MapperScan scan = KernelProcessTable().mappers(identity, ProcessTable::Detail::areas);
    if (args.has("--dry-run")) {
        io.out(fmt::format("{} would be removed\n", printable(path)));
    } else {
        const SplitPath parts = split_path(path);
        OutputDirectory::open(parts.directory)->remove(parts.name);
    }
    for (const Mapper& mapper : scan.mappers)
        cli::say(args, io,
                 fmt::format("{}: process {} ({}) still maps it: its memory is free when that ends", path,
                             mapper.pid, mapper.command));
    return cli::Status::ok;
}

}  // namespace ggufmap::stitch
