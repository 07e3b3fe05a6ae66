#include "api/operations/operations.h"

#include <embedded/docs.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace cloister::api::operations {
namespace {

TEST(Operations, HealthHasTheContractsFieldsFirst) {
  HealthReport report;
  report.usable = true;
  report.backend.name = "native";
  report.backend.network_isolation = "network_namespace";
  report.backend.image_digest = "abc";
  report.backend.languages = {"python 3.13.5"};
  report.backend.accepted_weaknesses = {"landlock"};
  OperationsOptions options;
  options.version = "0.5.0";
  options.isolation_layers = {{"seccomp", "armed"}};
  EXPECT_EQ(
      health_body(report, options),
      R"({"status":"ok","message":null,"version":"0.5.0","executor_backend":"native","network_isolation":"network_namespace","image_digest":"abc","languages":["python 3.13.5"],"isolation":{"seccomp":"armed"},"accepted_weaknesses":["landlock"]})");
}

TEST(Operations, HealthGivesTheReason) {
  HealthReport report;
  report.message = "no \"image\"";
  EXPECT_TRUE(health_body(report, {})
                  .starts_with(R"({"status":"error","message":"no \"image\"","version":"",)"));
}

// Every "$ref" inside `node` names something that `document` has.
void expect_references_resolve(const nlohmann::json& document, const nlohmann::json& node) {
  if (node.is_object() && node.contains("$ref")) {
    const std::string reference = node["$ref"];
    ASSERT_TRUE(reference.starts_with("#")) << reference;
    EXPECT_TRUE(document.contains(nlohmann::json::json_pointer(reference.substr(1)))) << reference;
  }
  for (const auto& child : node) {
    if (child.is_structured()) expect_references_resolve(document, child);
  }
}

TEST(Operations, OpenApiIsWholeAndHasThisServersLimits) {
  OperationsOptions options;
  options.version = "9.9.9";
  options.max_exec_timeout_ms = 1234;
  const nlohmann::json document = nlohmann::json::parse(onyx_document(options));
  EXPECT_EQ(document["openapi"], "3.1.0");
  EXPECT_EQ(document["info"]["title"], "Code Interpreter API");
  EXPECT_EQ(document["info"]["version"], "9.9.9");
  const auto& schemas = document["components"]["schemas"];
  EXPECT_EQ(schemas["ExecuteRequest"]["properties"]["timeout_ms"]["maximum"], 1234);
  EXPECT_EQ(schemas["BashRequest"]["properties"]["timeout_ms"]["maximum"], 1234);
  expect_references_resolve(document, document);
}

TEST(Operations, TheLibreChatDocumentIsWholeAndHasThisServersPaths) {
  OperationsOptions options;
  options.version = "9.9.9";
  options.librechat_prefix = "/proxy";
  const nlohmann::json document = nlohmann::json::parse(librechat_document(options));
  EXPECT_EQ(document["info"]["version"], "9.9.9");
  EXPECT_TRUE(document["paths"].contains("/exec"));
  EXPECT_TRUE(document["paths"].contains("/proxy/runs"));
  EXPECT_EQ(document.dump().find("\"/v1/librechat/runs\""), std::string::npos);
  expect_references_resolve(document, document);
}

TEST(Operations, EveryServedApiHasItsDocument) {
  OperationsOptions options;
  ASSERT_EQ(api_documents(options).size(), 1U);
  EXPECT_EQ(api_documents(options)[0].text, onyx_document(options));
  options.librechat_prefix = "/v1/librechat";
  ASSERT_EQ(api_documents(options).size(), 2U);
  EXPECT_EQ(api_documents(options)[0].text, onyx_document(options));
  EXPECT_EQ(api_documents(options)[1].base, "/v1/librechat");
  options.onyx = false;
  ASSERT_EQ(api_documents(options).size(), 2U);
  EXPECT_EQ(api_documents(options)[0].base, "");
  EXPECT_EQ(api_documents(options)[0].text, librechat_document(options));
}

TEST(Operations, TheReferencePageLoadsNothingFromElsewhere) {
  namespace docs = embedded::docs;
  for (const std::string_view text : {docs::docs_html(), docs::init_js(), docs::page_css()}) {
    EXPECT_EQ(text.find("://"), std::string_view::npos);
  }
  EXPECT_NE(docs::swagger_ui_bundle_js().find("SwaggerUIBundle"), std::string_view::npos);
  EXPECT_GT(docs::swagger_ui_css().size(), 10000U);
  EXPECT_TRUE(docs::favicon_32x32_png().starts_with("\x89PNG"));
}

}  // namespace
}  // namespace cloister::api::operations
