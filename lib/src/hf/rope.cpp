// Rotary position scaling: what the metadata says, and what only the factors in a tensor tell.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hf/architecture.hpp"

namespace ggufmap::hf {
namespace {

/// Seven significant digits, for products of float32s: 0.707, not 0.7069999725.
double rounded(double number) { return std::stod(fmt::format("{:.7g}", number)); }

Array nodes(const std::vector<float>& values) { return {values.begin(), values.end()}; }

/// Meta's schedule of Llama 3.1: wavelengths below original/high stay, those above original/low are divided
/// by `factor`, those between are blended.
struct Llama3Schedule {
    double low;
    double high;
    std::uint64_t original;

    double factor_at(double wavelength, double factor) const {
        const auto length = static_cast<double>(original);
        if (wavelength < length / high) return 1;
        if (wavelength > length / low) return factor;
        const double smooth = (length / wavelength - low) / (high - low);
        return 1 / ((1 - smooth) / factor + smooth);
    }

    bool gives(const std::vector<float>& factors, double base, double largest) const {
        const auto dimensions = static_cast<double>(2 * factors.size());
        for (std::size_t i = 0; i < factors.size(); ++i) {
            const double wavelength =
                2 * std::numbers::pi * std::pow(base, static_cast<double>(2 * i) / dimensions);
            const double expected = factor_at(wavelength, largest);
            if (!(std::abs(expected - double{factors[i]}) < 1e-3 * std::max(1.0, expected))) return false;
        }
        return true;
    }
};

// Models keep the schedule only as its result, rope_freqs.weight: it is recovered by trying those in use.
std::optional<Llama3Schedule> llama3_schedule(const std::vector<float>& factors, double base, float largest) {
    for (const std::uint64_t original : {8192U, 4096U, 16384U, 32768U}) {
        for (const auto& [low, high] : {std::pair{1.0, 4.0}, std::pair{1.0, 32.0}, std::pair{2.0, 4.0}}) {
            const Llama3Schedule schedule{low, high, original};
            if (schedule.gives(factors, base, double{largest})) return schedule;
        }
    }
    return std::nullopt;
}

std::optional<Node> from_frequencies(const Facts& facts, const std::vector<float>& factors, Notes& notes) {
    const std::uint64_t rotated = facts.number("rope.dimension_count").value_or(facts.head_size());
    if (2 * factors.size() != rotated) {
        notes.push_back(
            fmt::format("rope_freqs.weight has {} factors for {} dimensions: config.json has no rope_scaling",
                        factors.size(), rotated));
        return std::nullopt;
    }
    const float largest = *std::max_element(factors.begin(), factors.end());
    const float base = facts.real("rope.freq_base").value_or(10000.0F);
    const bool fits = 2 * factors.size() == facts.head_size();
    if (const auto schedule = fits ? llama3_schedule(factors, double{base}, largest) : std::nullopt)
        return Object{{"rope_type", "llama3"},
                      {"factor", largest},
                      {"low_freq_factor", schedule->low},
                      {"high_freq_factor", schedule->high},
                      {"original_max_position_embeddings", schedule->original}};
    notes.push_back("rope_freqs is no llama3 schedule; written as a longrope factor for each dimension");
    Object out = {{"rope_type", "longrope"},
                  {"type", "longrope"},
                  {"long_factor", nodes(factors)},
                  {"short_factor", nodes(factors)},
                  {"attention_factor", 1.0}};
    if (const auto length = facts.number("context_length"))
        out.emplace_back("original_max_position_embeddings", *length);
    return out;
}

/// "type" is what transformers 4 before 4.45 and vLLM read, "rope_type" what came after.
Object scaling_of(const char* type) { return {{"type", type}, {"rope_type", type}}; }

Node linear(float factor) {
    Object out = scaling_of("linear");
    out.emplace_back("factor", factor);
    return out;
}

Node yarn(const Facts& facts, std::string_view model_type, float factor) {
    Object out = scaling_of("yarn");
    out.emplace_back("factor", factor);
    if (const auto length = facts.number("rope.scaling.original_context_length"))
        out.emplace_back("original_max_position_embeddings", *length);
    const auto multiplier = facts.real("rope.scaling.yarn_log_multiplier");
    const bool deepseek = multiplier && *multiplier != 0 && model_type.starts_with("deepseek");
    if (deepseek) {
        const double scale = rounded(10 * double{*multiplier});  // GGUF keeps mscale x 0.1
        out.emplace_back("mscale", scale);
        out.emplace_back("mscale_all_dim", scale);
    }
    // These two classes' files have always had the defaults, and converters before 2026 left them out.
    const bool gpt_oss = model_type == "gpt_oss";
    const auto add_beta = [&](const char* key, std::string_view source, float usual) {
        const auto stated = facts.real(source);
        if (stated || deepseek || gpt_oss) out.emplace_back(key, stated.value_or(usual));
    };
    add_beta("beta_fast", "rope.scaling.yarn_beta_fast", 32);
    add_beta("beta_slow", "rope.scaling.yarn_beta_slow", 1);
    if (gpt_oss) out.emplace_back("truncate", false);
    return out;
}

std::optional<Node> from_metadata(const Facts& facts, std::string_view model_type, Notes& notes) {
    const std::string_view type = facts.text("rope.scaling.type");
    // Before there were types, files had only this.
    const auto early = facts.real("rope.scale_linear");
    if (type.empty() && early && *early != 1) return linear(*early);
    if (type.empty() || type == "none") return std::nullopt;
    const auto factor = facts.real("rope.scaling.factor");
    if (factor && type == "linear") return linear(*factor);
    if (factor && type == "yarn") return yarn(facts, model_type, *factor);
    notes.push_back(fmt::format("rope.scaling.type is '{}' without {}: config.json has no rope_scaling", type,
                                type == "linear" || type == "yarn" ? "a factor" : "what it needs"));
    return std::nullopt;
}

}  // namespace

std::optional<Node> rope_scaling(const Facts& facts, std::string_view model_type, Notes& notes) {
    const auto longer = facts.vector_of("rope_factors_long.weight");
    const auto shorter = facts.vector_of("rope_factors_short.weight");
    if (!longer.empty() && !shorter.empty()) {
        Object out = scaling_of("longrope");
        out.emplace_back("long_factor", nodes(longer));
        out.emplace_back("short_factor", nodes(shorter));
        return out;
    }
    constexpr std::string_view llama_family[] = {"llama", "mixtral", "granite", "smollm3"};
    const bool is_llama =
        std::find(std::begin(llama_family), std::end(llama_family), model_type) != std::end(llama_family);
    if (const auto factors = facts.vector_of("rope_freqs.weight"); is_llama && !factors.empty())
        return from_frequencies(facts, factors, notes);
    return from_metadata(facts, model_type, notes);
}

}  // namespace ggufmap::hf
