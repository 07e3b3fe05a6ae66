#include "api/librechat/fake_engine_test.h"

namespace cloister::api::librechat {
namespace {

using Upload = RoutesFixture;

TEST_F(Upload, OneNewSessionForAForm) {
  const FakeResponse response =
      form("/upload", text_part("entity_id", "e") + text_part("read_only", "true") +
                          file_part("skills/a b/\xc3\xbc.md", "one") + file_part("b.csv", "two"));
  ASSERT_EQ(response.status(), 200) << response.body();
  const Json body = json(response);
  EXPECT_EQ(body["message"], "success");
  EXPECT_EQ(body["session_id"], body["storage_session_id"]);
  EXPECT_EQ(body["session_id"].get<std::string>().size(), 21U);
  ASSERT_EQ(body["files"].size(), 2U);
  EXPECT_EQ(body["files"][0]["filename"], "skills/a b/\xc3\xbc.md");
  EXPECT_EQ(sessions_.bytes_of(body["files"][1]["fileId"].get<std::string>()), "two");
  EXPECT_TRUE(sessions_.rows[0].file.is_read_only);
  EXPECT_EQ(sessions_.size(), 1U);
}

TEST_F(Upload, ASessionCanBeNamed) {
  const Json body = json(form("/upload", text_part("session_id", "chat-42") + file_part("a", "x")));
  EXPECT_EQ(body["session_id"], "chat-42");
  EXPECT_EQ(form("/upload", text_part("session_id", "../x") + file_part("a", "x")).status(), 400);
}

TEST_F(Upload, AFailureLeavesNothing) {
  const FakeResponse large =
      form("/upload", file_part("a", "x") + file_part("b", std::string(101, 'x')));
  EXPECT_EQ(large.status(), 413);
  EXPECT_EQ(large.body(), both("File size limit exceeded"));
  EXPECT_EQ(sessions_.size(), 0U);
  EXPECT_TRUE(sessions_.rows.empty());
  const FakeResponse many = form(
      "/upload", file_part("a", "") + file_part("b", "") + file_part("c", "") + file_part("d", ""));
  EXPECT_EQ(many.status(), 400);
  EXPECT_EQ(many.body(), both("Session has too many files. Max: 3"));
  EXPECT_EQ(sessions_.size(), 0U);
}

TEST_F(Upload, WhatIsNoForm) {
  EXPECT_EQ(call("POST", "/upload", "{}").body(),
            both("Invalid content type. Must be multipart/form-data."));
  EXPECT_EQ(form("/upload", text_part("kind", "user")).status(), 422);
  EXPECT_EQ(form("/upload/batch", text_part("kind", "user")).body(), both("No files provided"));
  Sent sent;
  sent.type = "multipart/form-data; boundary=b";
  EXPECT_EQ(call("POST", "/upload", file_part("a", "x"), sent).status(), 400);
  EXPECT_EQ(sessions_.size(), 0U);
}

TEST_F(Upload, ABatchTellsOfEachFile) {
  const FakeResponse response = form(
      "/v1/upload/batch", file_part("skills/tax/SKILL.md", "x") +
                              file_part("../huge.bin", std::string(101, 'x')) + file_part("c", ""));
  ASSERT_EQ(response.status(), 200) << response.body();
  const Json body = json(response);
  EXPECT_EQ(body["message"], "partial_success");
  EXPECT_EQ(body["succeeded"], 2);
  EXPECT_EQ(body["failed"], 1);
  EXPECT_EQ(body["files"][0]["status"], "success");
  EXPECT_EQ(body["files"][1].dump(),
            R"({"status":"error","filename":"../huge.bin","error":"File size limit exceeded"})");
  EXPECT_FALSE(body.contains("filesLimitReached"));
  EXPECT_EQ(json(form("/upload/batch", file_part("a", "")))["message"], "success");
}

TEST_F(Upload, ABatchEndsAtTheLimits) {
  const Json full = json(form("/upload/batch", file_part("a", "") + file_part("b", "") +
                                                   file_part("c", "") + file_part("d", "")));
  EXPECT_EQ(full["succeeded"], 3);
  EXPECT_EQ(full["filesLimitReached"], true);
  EXPECT_EQ(full["maxFiles"], 3);
  const FakeResponse none = form("/upload/batch", file_part("a", std::string(101, 'x')));
  EXPECT_EQ(none.status(), 400);
  EXPECT_EQ(json(none)["message"], "error");
  EXPECT_EQ(sessions_.size(), 1U);
}

TEST_F(Upload, TheProxysRouteTakesTheSessionBeforeOrAfter) {
  for (const std::string& parts : {text_part("session_id", "chat") + file_part("x/a.json", "{}"),
                                   file_part("x/a.json", "{}") + text_part("session_id", "chat")}) {
    const FakeResponse response = form("/v1/librechat/files", parts);
    ASSERT_EQ(response.status(), 201) << response.body();
    const Json file = json(response)["file"];
    EXPECT_EQ(file["session_id"], "chat");
    EXPECT_EQ(file["name"], "a.json");
    EXPECT_EQ(file["size_bytes"], 2);
    EXPECT_EQ(file["mime_type"], "application/json");
    EXPECT_EQ(sessions_.bytes_of(file["id"].get<std::string>()), "{}");
    EXPECT_EQ(sessions_.size(), 1U);
  }
  const FakeResponse missing = form("/v1/librechat/files", file_part("a", "x"));
  EXPECT_EQ(missing.status(), 422);
  EXPECT_EQ(json(missing)["detail"][0]["loc"], Json::parse(R"(["body","session_id"])"));
  const FakeResponse large = form("/v1/librechat/files", text_part("session_id", "chat") +
                                                             file_part("a", std::string(101, 'x')));
  EXPECT_EQ(large.status(), 400);
  EXPECT_EQ(large.body(), both("File too large. Max size: 100 bytes"));
  EXPECT_EQ(sessions_.size(), 1U);
}

}  // namespace
}  // namespace cloister::api::librechat
