#include "images/root_program.h"

#include <unistd.h>

#include <initializer_list>
#include <string_view>

namespace cloister::images {
namespace {

constexpr std::string_view kNobody = "65534";
constexpr std::string_view kQueryLimitSeconds = "60";

class Argv {
 public:
  Argv& add(std::initializer_list<std::string_view> words) {
    for (const std::string_view word : words)
      words_.emplace_back(word);
    return *this;
  }
  std::vector<std::string> ending_with(const std::vector<std::string>& argv) {
    // Nothing of the host's environment reaches a program of the image.
    add({"env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LC_ALL=C.UTF-8"});
    words_.insert(words_.end(), argv.begin(), argv.end());
    return std::move(words_);
  }

 private:
  std::vector<std::string> words_;
};

bool is_root() {
  return ::geteuid() == 0;
}

}  // namespace

Result<void> run_trusted_in_root(const std::filesystem::path& root,
                                 const std::vector<std::string>& argv, const LineSink& on_line) {
  const std::string root_option = "--root=" + root.string();
  Argv command;
  command.add({"unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--kill-child"});
  if (!is_root()) command.add({"--map-root-user"});
  command.add({root_option, "--mount-proc", "--wd=/", "--"});
  return run_program(command.ending_with(argv), ChildOutput{on_line, nullptr});
}

Result<std::string> query_in_root(const std::filesystem::path& root,
                                  const std::vector<std::string>& argv, const LineSink& on_line) {
  const std::string root_option = "--root=" + root.string();
  const std::string proc_option = "--mount-proc=" + (root / "proc").string();
  const std::string nobody(kNobody);
  Argv command;
  command.add({"timeout", "--signal=KILL", kQueryLimitSeconds, "setpriv", "--no-new-privs"});
  if (is_root()) command.add({"--clear-groups"});
  // Two layers: the outer one's child is the first process of the PID namespace and dies with it;
  // it keeps its identity, because changing it would cancel that, and mounts /proc, because it owns
  // that namespace. The inner one changes the root and the user, which takes every capability away
  // from the program.
  command.add({"unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--kill-child"});
  if (!is_root()) command.add({"--map-root-user"});
  command.add({proc_option, "--", "unshare", "--fork", root_option, "--wd=/"});
  if (is_root()) {
    command.add({"--setgid=" + nobody, "--setuid=" + nobody});
  } else {
    command.add({"--map-user=" + nobody, "--map-group=" + nobody});
  }
  command.add({"--"});
  return capture_program(command.ending_with(argv), on_line);
}

}  // namespace cloister::images
