#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http.h"

namespace cloister::net {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Router make_router() {
  Router router;
  const Handler nothing = [](Request&, Response&) {};
  router.add("GET", "/v1/files", nothing);
  router.add("POST", "/v1/files", nothing);
  router.add("GET", "/v1/files/{id}", nothing);
  router.add("DELETE", "/v1/files/{id}", nothing);
  router.add("GET", "/v1/files/search", nothing);
  router.add("POST", "/v1/sessions/{id}/bash", nothing);
  return router;
}

TEST(Router, PicksTheRouteOfMethodAndPath) {
  const Router router = make_router();
  EXPECT_EQ(router.match("GET", "/v1/files").route, "/v1/files");
  const auto match = router.match("POST", "/v1/sessions/a%2Fb%20c/bash");
  ASSERT_NE(match.handler, nullptr);
  EXPECT_EQ(match.route, "/v1/sessions/{id}/bash");
  EXPECT_THAT(match.parameters, ElementsAre("a/b c"));
  EXPECT_EQ(router.match("GET", "/v1/%66iles").route, "/v1/files");
}

TEST(Router, PrefersALiteralSegmentInAnyOrderOfAddition) {
  const Router router = make_router();
  EXPECT_EQ(router.match("GET", "/v1/files/search").route, "/v1/files/search");
  EXPECT_EQ(router.match("DELETE", "/v1/files/search").route, "/v1/files/{id}");
}

TEST(Router, NamesTheAllowedMethods) {
  const Router router = make_router();
  const auto match = router.match("PUT", "/v1/files");
  EXPECT_EQ(match.handler, nullptr);
  EXPECT_EQ(match.route, "");
  EXPECT_THAT(match.allowed_methods, ElementsAre("GET", "POST"));
  EXPECT_THAT(router.match("PUT", "/v1/files/search").allowed_methods,
              ElementsAre("GET", "DELETE"));
}

TEST(Router, FindsNothingForUnknownPaths) {
  const Router router = make_router();
  for (const char* path : {"", "/", "*", "/v1", "/v1/file", "/v1/files/a/b", "v1/files",
                           "//v1/files", "/v1//files", "/v1/sessions//bash"}) {
    const auto match = router.match("GET", path);
    EXPECT_EQ(match.handler, nullptr) << path;
    EXPECT_THAT(match.allowed_methods, IsEmpty()) << path;
    EXPECT_FALSE(match.without_slash_matches) << path;
  }
}

TEST(Router, RecognisesATrailingSlashForEveryMethod) {
  const Router router = make_router();
  for (const char* method : {"GET", "POST", "PUT", "HEAD"}) {
    const auto match = router.match(method, "/v1/files/");
    EXPECT_EQ(match.handler, nullptr);
    EXPECT_TRUE(match.without_slash_matches) << method;
    EXPECT_THAT(match.allowed_methods, IsEmpty());
  }
  EXPECT_TRUE(router.match("GET", "/v1/files/abc/").without_slash_matches);
  EXPECT_FALSE(router.match("GET", "/v1/nothing/").without_slash_matches);
}

TEST(Router, TakesARouteOutByItsShape) {
  Router router = make_router();
  ASSERT_NE(router.match("GET", "/v1/files/abc").handler, nullptr);
  EXPECT_EQ(router.take("GET", "/v1/files/{any}/more"), nullptr);
  EXPECT_NE(router.take("GET", "/v1/files/{another_name}"), nullptr);
  EXPECT_EQ(router.match("GET", "/v1/files/abc").handler, nullptr);
  EXPECT_EQ(router.take("GET", "/v1/files/{another_name}"), nullptr);
}

TEST(PercentDecode, LeavesInvalidSequencesAlone) {
  EXPECT_EQ(percent_decode("%41b"), "Ab");
  EXPECT_EQ(percent_decode("%e2%82%AC"), "\xE2\x82\xAC");
  EXPECT_EQ(percent_decode("100%"), "100%");
  EXPECT_EQ(percent_decode("%4"), "%4");
  EXPECT_EQ(percent_decode("%zz%4g"), "%zz%4g");
  EXPECT_EQ(percent_decode("a+b"), "a+b");
  EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
}

}  // namespace
}  // namespace cloister::net
