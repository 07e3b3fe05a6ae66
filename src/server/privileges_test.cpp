#include "server/privileges.h"

#include <gtest/gtest.h>

namespace cloister::server {
namespace {

TEST(Privileges, UnknownAccountSaysWhatToDo) {
  const auto account = find_account("no-such-account-here");
  ASSERT_FALSE(account);
  EXPECT_EQ(account.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(account.error().message.find("CLOISTER_USER"), std::string::npos);
}

TEST(Privileges, RootIsNoOrdinaryAccount) {
  const auto account = find_account("root");
  ASSERT_FALSE(account);
  EXPECT_EQ(account.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace cloister::server
