#include "engine/session_outputs.h"

#include <gmock/gmock.h>

#include "engine/session_execution_fixture_test.h"

namespace cloister::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class SessionOutputsTest : public SessionExecutionFixture {};

TEST(HiddenDirectory, IsAPartBeforeTheLastThatBeginsWithADot) {
  EXPECT_TRUE(is_in_hidden_directory(".git/config"));
  EXPECT_TRUE(is_in_hidden_directory("a/.b/c/d"));
  EXPECT_FALSE(is_in_hidden_directory(".env"));
  EXPECT_FALSE(is_in_hidden_directory("a/.env"));
  EXPECT_FALSE(is_in_hidden_directory("a./b"));
}

TEST_F(SessionOutputsTest, NewFilesAreStoredAndReported) {
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.write("a.txt", "1");
    context.workspace.write("d/e/f", "2", true);
    context.workspace.write("empty", "");
    return fakes::exited(0);
  });
  EXPECT_EQ(result.session_id, "s");
  EXPECT_THAT(reported(result), UnorderedElementsAre("new a.txt=1", "new d/e/f=2", "new empty="));
  for (const SessionOutput& output : result.files) {
    const auto stored = sessions_->find_file("t", "s", output.file.id);
    ASSERT_TRUE(stored);
    EXPECT_TRUE(stored->is_current);
    EXPECT_EQ(stored->is_executable, stored->path == "d/e/f");
    EXPECT_EQ(output.file.session_id, "s");
    EXPECT_FALSE(output.modified_from);
  }
}

TEST_F(SessionOutputsTest, FilesOfTheSessionComeBackAsTheyWereLeft) {
  run([](fakes::FakeProgramContext& context) {
    context.workspace.write("data", "1");
    context.workspace.write("tool", "x", true);
    return fakes::exited(0);
  });
  const SessionExecutionResult second = run([](fakes::FakeProgramContext& context) {
    EXPECT_EQ(context.workspace.files().at("data"), "1");
    EXPECT_FALSE(context.workspace.is_executable("data"));
    EXPECT_TRUE(context.workspace.is_executable("tool"));
    context.workspace.write("data", "2");
    return fakes::exited(0);
  });
  EXPECT_THAT(reported(second), ElementsAre("modified data=2"));
  EXPECT_EQ(content(*second.files[0].modified_from), "1");
  EXPECT_THAT(current("s"), UnorderedElementsAre("data=2", "tool=x"));
  EXPECT_EQ(sessions_->files("t", "s")->size(), 3U) << "the first version stays readable";
}

TEST_F(SessionOutputsTest, AChangeOfTheSameSizeAndOfTheModeAreChanges) {
  add_file("s", "a", std::string(300'000, 'x'));
  add_file("s", "b", "same");
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    std::string changed(300'000, 'x');
    changed.back() = 'y';
    context.workspace.write("a", changed);
    context.workspace.write("b", "same", true);
    return fakes::exited(0);
  });
  ASSERT_THAT(result.files, SizeIs(2));
  EXPECT_EQ(result.files[0].change, FileChange::kModified);
  EXPECT_EQ(result.files[1].change, FileChange::kModified);
}

TEST_F(SessionOutputsTest, ReferencesThatCameThroughAreInherited) {
  const SessionFile foreign = add_file("other", "stored name", "1");
  const SessionFile changed = add_file("other", "changed", "2");
  add_file("s", "plain", "3");
  const SessionExecutionResult result = run(
      [](fakes::FakeProgramContext& context) {
        EXPECT_THAT(context.workspace.files(), SizeIs(3));
        context.workspace.write("changed", "22");
        return fakes::exited(1);
      },
      {{foreign.id, "other", "d/name.txt"}, {changed.id, "other", ""}});
  EXPECT_THAT(reported(result),
              UnorderedElementsAre("inherited d/name.txt=1", "modified changed=22"));
  for (const SessionOutput& output : result.files) {
    if (output.change == FileChange::kInherited) {
      EXPECT_EQ(output.file.id, foreign.id);
      EXPECT_EQ(output.file.session_id, "other");
    } else {
      EXPECT_EQ(output.modified_from->id, changed.id);
      EXPECT_EQ(output.file.session_id, "s") << "the new version is the run's own";
    }
  }
  EXPECT_THAT(current("s"), UnorderedElementsAre("plain=3", "changed=22"));
  EXPECT_THAT(current("other"), UnorderedElementsAre("stored name=1", "changed=2"));
}

TEST_F(SessionOutputsTest, DeletedInputsAreNamedAndOwnOnesGoFromTheSession) {
  add_file("s", "own", "1");
  add_file("s", "below", "own version");
  const SessionFile foreign = add_file("other", "foreign", "2");
  const SessionFile above = add_file("other", "below", "reference");
  const SessionExecutionResult result = run(
      [](fakes::FakeProgramContext& context) {
        for (const char* path : {"own", "foreign", "below"})
          context.workspace.erase(path);
        return fakes::exited(0);
      },
      {{foreign.id, "other", ""}, {above.id, "other", ""}});
  EXPECT_THAT(result.files, IsEmpty());
  EXPECT_THAT(result.deleted_paths, ElementsAre("below", "foreign", "own"));
  EXPECT_THAT(current("s"), IsEmpty());
  EXPECT_THAT(current("other"), SizeIs(2)) << "another session's files stay";
  EXPECT_EQ(sessions_->files("t", "s")->size(), 2U) << "and deleted ones stay readable";
}

TEST_F(SessionOutputsTest, ReadOnlyInputsKeepTheirBytes) {
  const SessionFile changed = add_file("s", "changed", "1", true);
  const SessionFile deleted = add_file("other", "deleted", "2", true);
  add_file("s", "untouched", "3", true);
  const SessionExecutionResult result = run(
      [](fakes::FakeProgramContext& context) {
        context.workspace.write("changed", "other bytes");
        context.workspace.erase("deleted");
        return fakes::exited(0);
      },
      {{deleted.id, "other", ""}});
  EXPECT_THAT(reported(result), UnorderedElementsAre("inherited changed=1", "inherited deleted=2"));
  EXPECT_THAT(result.deleted_paths, IsEmpty());
  EXPECT_THAT(current("s"), UnorderedElementsAre("changed=1", "untouched=3"));
}

TEST_F(SessionOutputsTest, HiddenDirectoriesAreKeptAndNotReported) {
  const SessionFile referenced = add_file("other", "x", "1");
  const auto program = [](fakes::FakeProgramContext& context) {
    context.workspace.write(".git/config", "2");
    context.workspace.write("a/.cache/b", "3");
    context.workspace.write(".env", "4");
    context.workspace.write(".ref/file", "11");
    context.workspace.write("__main__.py", "never");
    context.workspace.write("pkg/__main__.py", "5");
    return fakes::exited(0);
  };
  const SessionExecutionResult first = run(program, {{referenced.id, "other", ".ref/file"}});
  EXPECT_THAT(reported(first),
              UnorderedElementsAre("new .env=4", "new pkg/__main__.py=5", "modified .ref/file=11"));
  EXPECT_THAT(current("s"), UnorderedElementsAre(".git/config=2", "a/.cache/b=3", ".env=4",
                                                 ".ref/file=11", "pkg/__main__.py=5"));
  const SessionExecutionResult second = run([](fakes::FakeProgramContext& context) {
    context.workspace.erase(".git/config");
    return fakes::exited(0);
  });
  EXPECT_THAT(second.deleted_paths, IsEmpty());
  EXPECT_THAT(current("s"), SizeIs(4));
}

TEST_F(SessionOutputsTest, TooManyFilesAreLeftOutHiddenOnesFirst) {
  session_limits_.files_max = 4;
  restart();
  add_file("s", "there", "0");
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    for (const char* path : {".h/1", ".h/2", "b", "c", "d", "there"})
      context.workspace.write(path, "x");
    return fakes::exited(0);
  });
  EXPECT_THAT(reported(result),
              UnorderedElementsAre("new b=x", "new c=x", "new d=x", "modified there=x"));
  EXPECT_EQ(result.truncation.max_files, 2U);
  EXPECT_EQ(result.truncation.total(), 2U);
  EXPECT_THAT(result.truncation.skipped, UnorderedElementsAre(".h/1", ".h/2"));
  EXPECT_EQ(files_.size("t"), 5U) << "what was left out has no bytes";
}

TEST_F(SessionOutputsTest, WhatADeletionFreesIsFree) {
  session_limits_.files_max = 2;
  restart();
  add_file("s", "a", "0");
  add_file("s", "b", "0");
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.erase("a");
    context.workspace.write("c", "1");
    return fakes::exited(0);
  });
  EXPECT_THAT(current("s"), UnorderedElementsAre("b=0", "c=1"));
  EXPECT_EQ(result.truncation.total(), 0U);
}

TEST_F(SessionOutputsTest, LargeFilesAreLeftOut) {
  limits_.output_file_bytes_max = 10;
  limits_.output_total_bytes_max = 16;
  add_file("s", "grown", "1");
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.write("a", std::string(10, 'x'));
    context.workspace.write("b", std::string(7, 'x'));
    context.workspace.write("c", std::string(6, 'x'));
    context.workspace.write("grown", std::string(11, 'x'));
    return fakes::exited(0);
  });
  EXPECT_EQ(result.truncation.size, 2U);
  EXPECT_THAT(result.truncation.skipped, ElementsAre("b", "grown"));
  EXPECT_THAT(current("s"), UnorderedElementsAre("grown=1", "a=xxxxxxxxxx", "c=xxxxxx"));
}

TEST_F(SessionOutputsTest, NamesThatAreNotUtf8AreRepairedUnlessTheyCollide) {
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.write("a\xfe", "first");
    context.workspace.write("a\xff", "second");
    context.workspace.set_left_out(3);
    return fakes::exited(0);
  });
  EXPECT_THAT(reported(result), ElementsAre("new a\xEF\xBF\xBD=first"));
  EXPECT_EQ(result.truncation.path, 1U);
  EXPECT_EQ(result.truncation.depth, 3U);

  // The repaired name is another file's now.
  const SessionExecutionResult second = run([](fakes::FakeProgramContext& context) {
    context.workspace.write("a\xff", "second");
    return fakes::exited(0);
  });
  EXPECT_EQ(second.truncation.path, 1U);
  EXPECT_THAT(current("s"), ElementsAre("a\xEF\xBF\xBD=first"));
}

TEST_F(SessionOutputsTest, NamesThatGrowTooLongAreLeftOut) {
  const SessionExecutionResult result = run([](fakes::FakeProgramContext& context) {
    context.workspace.write(std::string(200, '\xff'), "x");
    return fakes::exited(0);
  });
  EXPECT_THAT(result.files, IsEmpty());
  EXPECT_EQ(result.truncation.path, 1U);
}

TEST_F(SessionOutputsTest, AFailedCollectionChangesNothing) {
  add_file("s", "a", "1");
  play([this](fakes::FakeProgramContext& context) {
    context.workspace.write("a", "2");
    context.workspace.write("b", "3");
    files_.fail_commits_after(1, Error{ErrorCode::kUnavailable, "full", 0, {}});
    return fakes::exited(0);
  });
  EXPECT_EQ(execute(execution()).error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(current("s"), ElementsAre("a=1"));
  EXPECT_EQ(files_.size("t"), 1U);

  play([this](fakes::FakeProgramContext& context) {
    context.workspace.erase("a");
    backend_->fail_visit(Error{ErrorCode::kInternal, "broken", 0, {}});
    return fakes::exited(0);
  });
  EXPECT_EQ(execute(execution()).error().code, ErrorCode::kInternal);
  EXPECT_THAT(current("s"), ElementsAre("a=1"));
}

}  // namespace
}  // namespace cloister::engine
