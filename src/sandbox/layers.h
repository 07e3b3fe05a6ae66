// What each isolation layer of this host is: for `cloister doctor`, /health and the start-up check.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cloister::sandbox {

enum class LayerState {
  kArmed,      // In force for every sandbox of the running launcher.
  kAvailable,  // The host offers it; nothing runs yet.
  kMissing,    // Not there; the start is refused unless a setting accepts it by name.
  kAccepted,   // Not there, and a setting accepts that.
};

std::string_view to_string(LayerState state);

struct LayerReport {
  std::string name;  // "cgroup.memory", "landlock", ...: the word that `accept_weaker` takes.
  LayerState state = LayerState::kMissing;
  std::string detail;  // One line: which form, which version, or the error.
  std::string remedy;  // What the operator can do; empty when nothing is missing.
};

// Looks at the host from this process, without starting anything that outlives the call.
std::vector<LayerReport> probe_layers();

}  // namespace cloister::sandbox
