#include "api/librechat/languages.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"

namespace cloister::api::librechat {
namespace {

constexpr std::size_t kEchoBytesMax = 64;

bool is_installed(const runtimes::Language& language, const engine::BackendStatus& status) {
  return std::ranges::any_of(status.languages, [&](std::string_view line) {
    return runtimes::find_language(line.substr(0, line.find(' '))) == &language;
  });
}

}  // namespace

std::vector<std::string> installed_languages(const engine::BackendStatus& status) {
  std::vector<std::string> names;
  for (const runtimes::Language& language : runtimes::languages()) {
    if (is_installed(language, status)) names.emplace_back(language.name);
  }
  return names;
}

Result<const runtimes::Language*> choose_language(std::string_view name,
                                                  const engine::BackendStatus& status) {
  const runtimes::Language* language = runtimes::find_language(name);
  const std::string echo = repair_utf8(name.substr(0, kEchoBytesMax));
  if (language == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("Language '{}' is not supported by the sandbox", echo));
  }
  if (is_installed(*language, status)) return language;
  return fail(ErrorCode::kInvalidArgument,
              fmt::format("Language '{}' is not installed in this image; build one that has it "
                          "(\"cloister image build full\", then CLOISTER_IMAGE=full). Debian "
                          "packages: {}",
                          echo, language->packages));
}

}  // namespace cloister::api::librechat
