#include "api/librechat/fallbacks.h"

#include <gtest/gtest.h>

#include "api/common/fake_exchange_test.h"

namespace cloister::api::librechat {
namespace {

constexpr std::string_view kPrefix = "/v1/librechat";

TEST(Fallbacks, OwnPaths) {
  for (const char* path :
       {"/exec", "/exec/x", "/uploads", "/files/a/b/c", "/sessions/x", "/v1/exec/x", "/v1/download",
        "/v1/librechat", "/v1/librechat/nothing", "/librechat/v1/files"}) {
    EXPECT_TRUE(is_own_path(path, kPrefix)) << path;
  }
  for (const char* path : {"/", "/v1", "/v1/nothing", "/v1/execute/x", "/v1/files", "/healthz",
                           "/v1/librechats", "/onyx/exec"}) {
    EXPECT_FALSE(is_own_path(path, kPrefix)) << path;
  }
}

TEST(Fallbacks, EachFormOnItsPaths) {
  const net::FallbackHandlers handlers =
      fallbacks(net::json_detail_fallbacks(), std::string(kPrefix));
  const FakeRequest own("GET", "/exec", {}, {});
  EXPECT_EQ(handlers.error(405, &own).body,
            R"({"detail":"Method Not Allowed","error":"Method Not Allowed"})");
  const FakeRequest other("GET", "/v1/nothing", {}, {});
  EXPECT_EQ(handlers.error(404, &other).body, R"({"detail":"Not Found"})");
  EXPECT_EQ(handlers.error(400, nullptr).status, 400);
}

}  // namespace
}  // namespace cloister::api::librechat
