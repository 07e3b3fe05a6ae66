#include "server/privileges.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/unique_fd.h"

namespace cloister::server {
namespace {

constexpr std::size_t kAccountBufferBytes = 16384;

Result<void> verify(const Account& account) {
  uid_t real_user = 0;
  uid_t effective_user = 0;
  uid_t saved_user = 0;
  gid_t real_group = 0;
  gid_t effective_group = 0;
  gid_t saved_group = 0;
  if (::getresuid(&real_user, &effective_user, &saved_user) != 0 ||
      ::getresgid(&real_group, &effective_group, &saved_group) != 0) {
    return fail_errno("read the user and group ids");
  }
  const bool is_account = real_user == account.uid && effective_user == account.uid &&
                          saved_user == account.uid && real_group == account.gid &&
                          effective_group == account.gid && saved_group == account.gid;
  if (!is_account || ::getgroups(0, nullptr) != 0) {
    return fail(ErrorCode::kPermission, "The server could not give up its privileges");
  }
  if (::setuid(0) == 0 || ::setgid(0) == 0) {
    return fail(ErrorCode::kPermission, "The server could take its privileges back");
  }
  return {};
}

}  // namespace

Result<Account> find_account(const std::string& name) {
  std::vector<char> buffer(kAccountBufferBytes);
  passwd entry{};
  passwd* found = nullptr;
  const int error = ::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (error != 0) return fail_errno("look up the account " + name, error);
  if (found == nullptr) {
    return fail(ErrorCode::kInvalidArgument,
                "user: there is no account '" + name +
                    "' to change to. Create it (useradd --system --no-create-home " + name +
                    "), set CLOISTER_USER to another one, or start the server as an ordinary user");
  }
  if (entry.pw_uid == 0 || entry.pw_gid == 0) {
    return fail(ErrorCode::kInvalidArgument,
                "user: the account '" + name + "' has root's privileges; name an ordinary one");
  }
  return Account{name, entry.pw_uid, entry.pw_gid};
}

Result<void> give_directory(const std::string& path, const Account& account) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return fail_errno("create the directory " + path, error.value());
  const UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.is_open()) return fail_errno("open the directory " + path);
  struct stat status{};
  if (::fstat(directory.get(), &status) != 0) return fail_errno("look at the directory " + path);
  if (status.st_uid == account.uid) return {};
  const bool is_empty = std::filesystem::is_empty(path, error);
  if (error) return fail_errno("read the directory " + path, error.value());
  if (!is_empty) {
    return fail(ErrorCode::kInvalidArgument,
                "The directory " + path + " belongs to another user and is not empty. Give it to " +
                    account.name + " (chown -R), or name another directory");
  }
  if (::fchown(directory.get(), account.uid, account.gid) != 0) {
    return fail_errno("give the directory " + path + " to " + account.name);
  }
  if (::fchmod(directory.get(), 0700) != 0) {
    return fail_errno("set the mode of the directory " + path);
  }
  return {};
}

Result<void> become(const Account& account) {
  if (::setgroups(0, nullptr) != 0) return fail_errno("drop the supplementary groups");
  if (::setresgid(account.gid, account.gid, account.gid) != 0) {
    return fail_errno("change to the group of " + account.name);
  }
  if (::setresuid(account.uid, account.uid, account.uid) != 0) {
    return fail_errno("change to the user " + account.name);
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("set no_new_privs");
  return verify(account);
}

}  // namespace cloister::server
