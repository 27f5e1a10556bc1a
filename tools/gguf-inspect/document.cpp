#include "gguf-inspect/document.hpp"

#include "common/report.hpp"

namespace ggufmap::inspect {

cli::Status write_document(cli::Io& io, const std::function<cli::Status(JsonWriter&)>& write_files) {
    JsonWriter json(cli::json_sink(io));
    json.begin_object();
    json.key("schema");
    json.string("gguf-inspect/1");
    json.key("files");
    json.begin_array();
    const cli::Status status = write_files(json);
    json.end_array();
    json.end_object();
    json.finish();
    return status;
}

}  // namespace ggufmap::inspect
