#include "images/apt_sources.h"

#include <array>
#include <sstream>

#include "images/child_program.h"

namespace cloister::images {
namespace {

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, separator);)
    fields.push_back(field);
  return fields;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/'))
    url.pop_back();
  return url;
}

std::filesystem::path find_keyring(const std::filesystem::path& signed_by) {
  constexpr std::array<const char*, 3> kUsual = {"/usr/share/keyrings/debian-archive-keyring.gpg",
                                                 "/usr/share/keyrings/debian-archive-keyring.pgp",
                                                 "/etc/apt/trusted.gpg.d"};
  std::error_code ignored;
  if (signed_by.is_absolute() && std::filesystem::exists(signed_by, ignored)) return signed_by;
  for (const char* path : kUsual) {
    if (std::filesystem::exists(path, ignored)) return path;
  }
  return {};
}

// Development suites have neither updates nor security archives of their own.
bool is_released(std::string_view suite) {
  return suite != "sid" && suite != "unstable" && suite != "experimental" && suite != "rc-buggy";
}

}  // namespace

AptSources parse_index_targets(std::string_view table) {
  AptSources sources;
  std::istringstream lines{std::string(table)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> fields = split(line, '|');
    if (fields.size() < 3 || fields[2] != "main") continue;
    const std::string url = without_slash(fields[0]);
    const std::string& release = fields[1];
    if (url.ends_with("/debian-security") || release.ends_with("-security")) {
      sources.security_mirror = url;
    } else if (url.ends_with("/debian") || url.find("/debian/") != url.npos) {
      if (sources.mirror.empty()) {
        sources.mirror = url;
        if (fields.size() > 3) sources.keyring = fields[3];
      }
      if (url == sources.mirror && release.ends_with("-updates")) sources.has_updates = true;
    }
  }
  return sources;
}

Result<AptSources> read_host_sources() {
  const std::string table = TRY(
      capture_program({"apt-get", "indextargets", "--format",
                       "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(SIGNED_BY)", "Created-By: Packages"},
                      nullptr));
  AptSources sources = parse_index_targets(table);
  sources.keyring = find_keyring(sources.keyring);
  return sources;
}

std::vector<std::string> mirror_lines(const AptSources& sources, std::string_view suite) {
  const std::string name(suite);
  const std::string signature =
      sources.keyring.empty() ? "" : "[signed-by=" + sources.keyring.string() + "] ";
  const auto line = [&](const std::string& url, const std::string& release) {
    return "deb " + signature + url + " " + release + " main";
  };
  std::vector<std::string> lines = {line(sources.mirror, name)};
  if (!is_released(suite)) return lines;
  if (sources.has_updates) lines.push_back(line(sources.mirror, name + "-updates"));
  if (!sources.security_mirror.empty()) {
    lines.push_back(line(sources.security_mirror, name + "-security"));
  }
  return lines;
}

}  // namespace cloister::images
