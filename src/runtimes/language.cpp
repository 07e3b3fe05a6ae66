#include "runtimes/language.h"

#include <algorithm>
#include <cassert>

#include <nlohmann/json.hpp>

#include "embedded/runtime_programs.h"

namespace cloister::runtimes {
namespace {

// A runtime needs memory beside its heap: code, stacks, and what its libraries allocate.
constexpr std::uint64_t heap_of(std::uint64_t memory_bytes) {
  return memory_bytes / 4 * 3;
}

constexpr std::string_view kSessionEnvironment[] = {
    "HOME=/tmp",
    // The hooks of python/ and r/ are active where this is set; they save plots there.
    "CLOISTER_PLOTS=/mnt/data",
    "PYTHONPATH=/cloister/python/site",
    "R_PROFILE_USER=/cloister/r/profile.R",
    // Pages that work without a network.
    "BOKEH_RESOURCES=inline",
};

char to_lower(char character) {
  return character >= 'A' && character <= 'Z' ? static_cast<char>(character - 'A' + 'a')
                                              : character;
}

void replace_all(std::string& text, std::string_view word, std::string_view replacement) {
  for (std::size_t at = text.find(word); at != std::string::npos;
       at = text.find(word, at + replacement.size())) {
    text.replace(at, word.size(), replacement);
  }
}

std::string source_path(const Language& language) {
  return "/program/" + std::string(language.source_name);
}

}  // namespace

const Language* find_language(std::string_view name) {
  std::string wanted(name);
  std::transform(wanted.begin(), wanted.end(), wanted.begin(), to_lower);
  for (const Language& language : languages()) {
    const auto& aliases = language.aliases;
    if (language.name == wanted ||
        std::find(aliases.begin(), aliases.end(), wanted) != aliases.end()) {
      return &language;
    }
  }
  return nullptr;
}

std::vector<std::string> expand(std::span<const std::string_view> words, const Language& language,
                                std::uint64_t memory_bytes) {
  const std::string memory_mb = std::to_string(heap_of(memory_bytes) >> 20);
  std::vector<std::string> expanded;
  expanded.reserve(words.size());
  for (const std::string_view word : words) {
    std::string& text = expanded.emplace_back(word);
    replace_all(text, "{source}", source_path(language));
    replace_all(text, "{memory_mb}", memory_mb);
  }
  return expanded;
}

std::span<const std::string_view> session_environment() {
  return kSessionEnvironment;
}

std::string warm_message(const Language& language, std::string_view code,
                         std::span<const std::string> arguments,
                         std::span<const std::string> environment) {
  assert(language.start == Start::kWarm);
  const nlohmann::json message{{"source", code},
                               {"filename", "/mnt/data/" + std::string(language.source_name)},
                               {"argv", arguments},
                               {"environment", environment}};
  return message.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string_view bash_tools_program() {
  return embedded::runtime_programs::tools_broker_py();
}

}  // namespace cloister::runtimes
