// Where this host gets Debian's packages from, according to its own apt configuration.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace cloister::images {

struct AptSources {
  std::string mirror;  // URL of the archive with component main; empty when apt names none.
  bool has_updates = false;
  std::string security_mirror;    // URL, or empty.
  std::filesystem::path keyring;  // File or directory; empty when none was found.
};

// Reads the table that this apt-get prints:
//   apt-get indextargets --format $(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY) "Created-By:
//   Packages"
AptSources parse_index_targets(std::string_view table);

// Asks apt-get. Nothing is looked up in the network. An empty mirror is no error here.
Result<AptSources> read_host_sources();

// The lines that mmdebstrap takes as mirrors for `suite`.
std::vector<std::string> mirror_lines(const AptSources& sources, std::string_view suite);

}  // namespace cloister::images
