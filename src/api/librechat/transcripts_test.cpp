#include "api/librechat/transcripts.h"

#include <gtest/gtest.h>

namespace cloister::api::librechat {
namespace {

engine::ToolRunState pause(const std::string& token, const std::string& text) {
  engine::ToolRunState state;
  state.token = token;
  state.stdout_text = text;
  return state;
}

std::string end(Transcripts& transcripts, const std::string& token, const std::string& text) {
  engine::ToolRunState state;
  state.stdout_text = text;
  state.result.emplace();
  transcripts.follow(token, {}, state);
  return state.stdout_text;
}

TEST(Transcripts, KeepsTheNewestPrograms) {
  Transcripts transcripts(2, 1000);
  for (const char* token : {"a", "b", "c"}) {
    engine::ToolRunState state = pause(token, token);
    transcripts.follow("", {}, state);
  }
  EXPECT_EQ(end(transcripts, "a", "-end"), "-end");
  EXPECT_EQ(end(transcripts, "b", "-end"), "b-end");
  EXPECT_EQ(end(transcripts, "c", "-end"), "c-end");
  EXPECT_EQ(end(transcripts, "c", "-end"), "-end") << "taken once";
}

TEST(Transcripts, TheTermsOfTheStartHoldToTheEnd) {
  Transcripts transcripts(2, 1000);
  engine::ToolRunState first = pause("a", "");
  transcripts.follow("", {Milliseconds(1500), true}, first);
  engine::ToolRunState second = pause("b", "");
  transcripts.follow("a", {}, second);
  engine::ToolRunState last;
  last.result.emplace();
  const RunTerms terms = transcripts.follow("b", {}, last);
  EXPECT_EQ(terms.timeout, Milliseconds(1500));
  EXPECT_TRUE(terms.wants_inherited);
}

TEST(Transcripts, OutputIsBounded) {
  Transcripts transcripts(2, 100);
  engine::ToolRunState first = pause("a", std::string(80, 'x'));
  transcripts.follow("", {}, first);
  const std::string whole = end(transcripts, "a", std::string(80, 'y'));
  EXPECT_LE(whole.size(), 100U);
  EXPECT_TRUE(whole.starts_with("xxx"));
  EXPECT_TRUE(whole.ends_with("...[truncated]"));
}

}  // namespace
}  // namespace cloister::api::librechat
