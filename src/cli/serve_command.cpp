#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "cli/commands.h"
#include "server/native_provider.h"
#include "server/server.h"

namespace cloister::cli {

Result<void> serve(server::LoadedSettings settings, const std::string& version) {
  server::NativeProvider provider;
  server::Server server(std::move(settings), provider, {version}, [](std::string_view text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  });
  return server.run();
}

}  // namespace cloister::cli
