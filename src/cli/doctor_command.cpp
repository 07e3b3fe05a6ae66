#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "net/json_text.h"
#include "sandbox/layers.h"

namespace cloister::cli {
namespace {

void print_table(const std::vector<sandbox::LayerReport>& layers) {
  std::size_t width = 0;
  for (const sandbox::LayerReport& layer : layers)
    width = std::max(width, layer.name.size());
  for (const sandbox::LayerReport& layer : layers) {
    fmt::print("{:<{}}  {:<9}  {}\n", layer.name, width, to_string(layer.state), layer.detail);
    if (!layer.remedy.empty()) fmt::print("{:<{}}  {:<9}  -> {}\n", "", width, "", layer.remedy);
  }
}

void print_json(const std::vector<sandbox::LayerReport>& layers) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const sandbox::LayerReport& layer : layers) {
    nlohmann::ordered_json entry = nlohmann::ordered_json::object();
    entry["name"] = layer.name;
    entry["state"] = to_string(layer.state);
    entry["detail"] = layer.detail;
    entry["remedy"] = layer.remedy;
    list.push_back(std::move(entry));
  }
  fmt::print("{}\n", net::to_json_text(list));
}

// "cgroups" accepts every "cgroup.<controller>".
bool accepts(const std::vector<std::string>& accepted, const std::string& layer) {
  return std::any_of(accepted.begin(), accepted.end(), [&](const std::string& word) {
    return layer == word || (word == "cgroups" && layer.starts_with("cgroup."));
  });
}

}  // namespace

Result<void> doctor(const server::LoadedSettings& settings, bool as_json) {
  std::vector<sandbox::LayerReport> layers = sandbox::probe_layers();
  std::string missing;
  for (sandbox::LayerReport& layer : layers) {
    if (layer.state != sandbox::LayerState::kMissing) continue;
    if (accepts(settings.values.accept_weaker, layer.name)) {
      layer.state = sandbox::LayerState::kAccepted;
      continue;
    }
    missing += (missing.empty() ? "" : ", ") + layer.name;
  }
  as_json ? print_json(layers) : print_table(layers);
  if (missing.empty()) return {};
  return fail(ErrorCode::kUnsupported,
              "isolation layers are missing: " + missing +
                  ". Follow the remedies above, or accept that by CLOISTER_ACCEPT_WEAKER");
}

}  // namespace cloister::cli
