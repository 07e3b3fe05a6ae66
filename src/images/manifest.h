// What an image contains: written once when the image is made, read by everybody else.
//
// Stored as <image>/manifest.json beside the root file system. Plain values.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/error.h"

namespace cloister::images {

// A language that programs of the image can be written in.
struct Language {
  std::string name;     // "python", "bash"
  std::string version;  // "3.13.5"
  std::string path;     // The interpreter's absolute path inside the image.

  bool operator==(const Language&) const = default;
};

struct Manifest {
  std::string name;          // The name under which the image was made; others may point to it too.
  std::string digest;        // SHA-256 of the root's canonical tar stream, 64 hexadecimal digits.
  std::string created_at;    // RFC 3339, UTC.
  std::string source;        // "recipe" or "import".
  std::string suite;         // "trixie"; empty when unknown.
  std::string architecture;  // As dpkg names it: "amd64".
  // Of everything that decides the content of a build; empty for imports.
  std::string recipe_hash;
  std::vector<Language> languages;
  std::map<std::string, std::string> packages;         // dpkg: name to version.
  std::map<std::string, std::string> python_packages;  // Distribution to version.
  std::vector<std::string> pip_requirements;           // What was added from the Python index.

  // Null when the image does not have the language.
  const Language* find_language(std::string_view language) const;

  bool operator==(const Manifest&) const = default;
};

std::string to_json(const Manifest& manifest);

// kInvalidArgument for anything that to_json() does not write; unknown members are ignored.
Result<Manifest> parse_manifest(std::string_view json);

// "2025-01-31T12:00:00Z", the form of `created_at`.
std::string to_timestamp(WallTime time);

// True for 64 lower-case hexadecimal digits.
bool is_digest(std::string_view text);

}  // namespace cloister::images
