// From root to an ordinary account, for good.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/error.h"

namespace cloister::server {

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

// kInvalidArgument when there is no such account or it is root's: the message says what to do.
Result<Account> find_account(const std::string& name);

// Makes the directory, with its parents, and gives it to the account, mode 0700. A directory of
// somebody else that has something in it is not taken away: kInvalidArgument. Follows no link at
// its last part. Only root can give directories away.
Result<void> give_directory(const std::string& path, const Account& account);

// Takes on the account: no supplementary groups, all user and group ids its own, no capabilities,
// no new ones by any program. Verifies that the way back is shut. To be called before other threads
// are started.
Result<void> become(const Account& account);

}  // namespace cloister::server
