#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

using FileRoutes = RoutesFixture;

TEST_F(FileRoutes, TheListHasWhatEveryGenerationReads) {
  const engine::SessionFile file = sessions_.add("librechat", "sess", "a/in.csv", "12345");
  sessions_.rows.push_back(sessions_.rows.back());
  sessions_.rows.back().file.id = "superseded";
  sessions_.rows.back().file.is_current = false;
  for (const char* query : {"", "detail=summary", "detail=full", "detail=simple&entity_id=x"}) {
    const Json list = json(get("/files/sess", query));
    ASSERT_EQ(list.size(), 1U) << query;
    EXPECT_EQ(list[0]["name"], "sess/" + file.id);
    EXPECT_EQ(list[0]["size"], 5);
    EXPECT_TRUE(list[0]["lastModified"].get<std::string>().ends_with("Z"));
    EXPECT_EQ(list[0]["metadata"]["original-filename"], "a/in.csv");
    EXPECT_EQ(list[0]["metadata"]["content-type"], "text/csv");
    EXPECT_EQ(list[0]["versionId"], nullptr);
  }
  const Json normalized = json(get("/files/sess", "detail=normalized"));
  EXPECT_EQ(normalized[0]["id"], file.id);
  EXPECT_EQ(normalized[0]["name"], "a/in.csv");
  EXPECT_EQ(normalized[0]["storage_session_id"], "sess");
  EXPECT_FALSE(normalized[0].contains("read_only"));
  EXPECT_EQ(get("/files/nothing").body(), "[]");
  EXPECT_EQ(get("/files/..").body(), "[]");
}

TEST_F(FileRoutes, TenantsDoNotSeeEachOther) {
  const engine::SessionFile file = sessions_.add("librechat:acme", "sess", "a", "x");
  EXPECT_EQ(get("/files/sess").body(), "[]");
  EXPECT_EQ(get("/download/sess/" + file.id).status(), 404);
  EXPECT_EQ(get("/v1/librechat/files/" + file.id).status(), 404);
}

TEST_F(FileRoutes, Download) {
  const engine::SessionFile file = sessions_.add("librechat", "sess", "x/n\xc3\xa4h.csv", "bytes");
  const FakeResponse response = get("/v1/download/sess/" + file.id, "kind=user&id=u");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body(), "bytes");
  EXPECT_EQ(response.header("content-type"), "text/csv");
  EXPECT_EQ(response.header("content-disposition"),
            "attachment; filename=\"n_h.csv\"; filename*=UTF-8''n%C3%A4h.csv");
  EXPECT_EQ(response.header("etag"), '"' + file.id + '"');
  EXPECT_TRUE(response.header("last-modified").ends_with(" GMT"));
  EXPECT_EQ(response.header("x-read-only"), "");
  sessions_.rows.back().file.is_read_only = true;
  EXPECT_EQ(get("/download/sess/" + file.id).header("x-read-only"), "true");
  for (const char* path : {"/download/other/", "/download/..%2fx/", "/download/%00/"}) {
    const FakeResponse missing = get(path + file.id);
    EXPECT_EQ(missing.status(), 404) << path;
    EXPECT_EQ(missing.body(), both("File not found"));
  }
}

TEST_F(FileRoutes, TheProbeGivesTheAge) {
  const engine::SessionFile file = sessions_.add("librechat", "sess", "input.csv", "123");
  const Json body = json(get("/sessions/sess/objects/" + file.id, "kind=user&id=u"));
  EXPECT_EQ(body["name"], "sess/" + file.id + ".csv");
  EXPECT_EQ(body["originalFilename"], "input.csv");
  EXPECT_EQ(body["readOnly"], false);
  EXPECT_TRUE(body["lastModified"].get<std::string>().ends_with("Z"));
  EXPECT_EQ(get("/sessions/sess/objects/gone").status(), 404);
}

TEST_F(FileRoutes, BothWaysToDelete) {
  for (const char* path : {"/sessions/sess/objects/", "/v1/files/sess/"}) {
    const engine::SessionFile file = sessions_.add("librechat", "sess", "a", "x");
    const FakeResponse gone = call("DELETE", path + file.id);
    EXPECT_EQ(gone.status(), 200);
    EXPECT_EQ(json(gone)["message"], "File deleted successfully");
    EXPECT_EQ(json(gone)["fileId"], file.id);
    EXPECT_EQ(call("DELETE", path + file.id).status(), 404);
  }
}

TEST_F(FileRoutes, AnotherDialectKeepsItsFiles) {
  router_.add("GET", "/v1/files/{file_id}", [](net::Request& request, net::Response& response) {
    (void)response.send(404, {}, "theirs " + request.parameters().front());
  });
  sessions_.add("librechat", "sess", "a", "x");
  EXPECT_EQ(json(get("/v1/files/sess")).size(), 1U);
  EXPECT_EQ(get("/v1/files/other").body(), "theirs other");
  Sent nobody;
  nobody.key = "";
  // Without a key nobody learns that there is such a session.
  EXPECT_EQ(call("GET", "/v1/files/sess", {}, nobody).body(), "theirs sess");
  EXPECT_EQ(call("GET", "/files/sess", {}, nobody).status(), 401);
}

}  // namespace
}  // namespace cloister::api::librechat
