#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "cli/commands.h"
#include "os/descriptor_limit.h"
#include "server/native_provider.h"
#include "server/server.h"

namespace cloister::cli {

Result<void> serve(server::LoadedSettings settings, const std::string& version) {
  os::raise_descriptor_limit();
  server::NativeProvider provider;
  server::Server server(std::move(settings), provider, {version}, [](std::string_view text) {
    fmt::print("{}", text);
    std::fflush(stdout);
  });
  return server.run();
}

}  // namespace cloister::cli
