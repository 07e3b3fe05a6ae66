#include "images/image_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/id.h"
#include "images/root_tree.h"

namespace cloister::images {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ImageStoreTest : public testing::Test {
 protected:
  ~ImageStoreTest() override { static_cast<void>(remove_tree(root_)); }

  // An image whose only file has this content.
  Result<StoredImage> publish(const std::string& name, const std::string& content,
                              const std::string& recipe_hash = {}) {
    PartialImage partial = TRY(store_.begin());
    fs::create_directories(partial.rootfs() / "usr/bin");
    const fs::path python = partial.rootfs() / "usr/bin/python3";
    std::ofstream(python) << content;
    fs::permissions(python, fs::perms::owner_all | fs::perms::others_exec);
    TRY_VOID(prepare_root(partial.rootfs(), {}));
    Manifest manifest;
    manifest.name = name;
    manifest.recipe_hash = recipe_hash;
    manifest.languages = {{"python", "3", "/usr/bin/python3"}};
    return store_.publish(std::move(partial), std::move(manifest));
  }

  std::vector<std::string> partials() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(".partial-")) names.push_back(name);
    }
    return names;
  }

  const fs::path root_ = fs::path(testing::TempDir()) / ("image_store_test-" + random_hex(8));
  ImageStore store_{root_};
};

TEST_F(ImageStoreTest, ResolvesByNameAndDigest) {
  const Result<StoredImage> image = publish("default", "one");
  ASSERT_TRUE(image) << image.error().describe();
  EXPECT_THAT(image->names, ElementsAre("default"));
  const std::string digest = image->manifest.digest;
  for (const std::string& reference : {std::string("default"), digest, digest.substr(0, 8)}) {
    const Result<StoredImage> found = store_.resolve(reference);
    ASSERT_TRUE(found) << reference;
    EXPECT_EQ(found->manifest.digest, digest);
    EXPECT_TRUE(fs::exists(found->rootfs / "usr/bin/python3"));
  }
  EXPECT_FALSE(store_.resolve(digest.substr(0, 7)));
  EXPECT_THAT(partials(), IsEmpty());
}

TEST_F(ImageStoreTest, NamesTheImagesThatThereAre) {
  ASSERT_TRUE(publish("default", "one"));
  for (const std::string_view reference : {"other", "../refs/default", "", ".lock"}) {
    const Result<StoredImage> missing = store_.resolve(reference);
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
    EXPECT_THAT(missing.error().message, HasSubstr("images there: default"));
  }
}

TEST_F(ImageStoreTest, IsEmptyBeforeTheFirstImage) {
  ASSERT_TRUE(store_.list());
  EXPECT_THAT(*store_.list(), IsEmpty());
  EXPECT_EQ(store_.resolve("default").error().code, ErrorCode::kNotFound);
}

TEST_F(ImageStoreTest, AnAbandonedImageLeavesNothing) {
  {
    const Result<PartialImage> partial = store_.begin();
    ASSERT_TRUE(partial);
    EXPECT_FALSE(partials().empty());
  }
  EXPECT_THAT(partials(), IsEmpty());
}

TEST_F(ImageStoreTest, RemovesWhatACrashLeftBehind) {
  fs::create_directories(root_ / ".partial-crashed/rootfs/bin");
  std::ofstream(root_ / ".partial-crashed/rootfs/bin/sh") << "x";
  EXPECT_THAT(*store_.list(), IsEmpty());
  ASSERT_TRUE(publish("default", "one"));
  EXPECT_THAT(partials(), IsEmpty());
}

TEST_F(ImageStoreTest, LetsOneBuildIn) {
  const Result<PartialImage> partial = store_.begin();
  ASSERT_TRUE(partial);
  ImageStore other(root_);
  EXPECT_EQ(other.begin().error().code, ErrorCode::kConflict);
  EXPECT_EQ(other.remove("default").error().code, ErrorCode::kConflict);
}

TEST_F(ImageStoreTest, ANameMovesAndTheOldImageStays) {
  const std::string first = publish("default", "one").value().manifest.digest;
  const std::string second = publish("default", "two").value().manifest.digest;
  EXPECT_NE(first, second);
  EXPECT_EQ(store_.resolve("default")->manifest.digest, second);
  EXPECT_THAT(store_.resolve(first)->names, IsEmpty());
  EXPECT_EQ(store_.list()->size(), 2U);
}

TEST_F(ImageStoreTest, TheSameContentIsTheSameImage) {
  const std::string first = publish("default", "one", "hash-1").value().manifest.digest;
  const Result<StoredImage> again = publish("second", "one", "hash-2");
  ASSERT_TRUE(again) << again.error().describe();
  EXPECT_EQ(again->manifest.digest, first);
  EXPECT_THAT(again->names, ElementsAre("default", "second"));
  EXPECT_EQ(store_.find_by_recipe_hash("hash-2")->manifest.digest, first);
  EXPECT_FALSE(store_.find_by_recipe_hash("hash-1"));
  EXPECT_FALSE(store_.find_by_recipe_hash(""));
}

TEST_F(ImageStoreTest, RemovesANameAndWithTheLastOneTheImage) {
  const std::string digest = publish("default", "one").value().manifest.digest;
  ASSERT_TRUE(store_.set_reference("second", digest));
  ASSERT_TRUE(store_.remove("default"));
  EXPECT_FALSE(store_.resolve("default"));
  EXPECT_TRUE(store_.resolve("second"));
  ASSERT_TRUE(store_.remove("second"));
  EXPECT_FALSE(store_.resolve(digest));
  EXPECT_FALSE(fs::exists(root_ / "by-digest" / digest));
  EXPECT_THAT(partials(), IsEmpty());
}

TEST_F(ImageStoreTest, RemovesByDigestWithEveryName) {
  const std::string digest = publish("default", "one").value().manifest.digest;
  ASSERT_TRUE(store_.set_reference("second", digest));
  ASSERT_TRUE(store_.remove(digest));
  EXPECT_TRUE(fs::is_empty(root_ / "refs"));
}

TEST_F(ImageStoreTest, RefusesBadNames) {
  const std::string digest = publish("default", "one").value().manifest.digest;
  for (const std::string& name :
       {std::string("../x"), std::string("Up"), std::string(), std::string(65, 'a')}) {
    EXPECT_EQ(store_.set_reference(name, digest).error().code, ErrorCode::kInvalidArgument) << name;
    EXPECT_EQ(publish(name, "two").error().code, ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(store_.set_reference("good", std::string(64, '0')).error().code, ErrorCode::kNotFound);
}

TEST_F(ImageStoreTest, ChecksAGoodImage) {
  ASSERT_TRUE(publish("default", "one"));
  const Result<ImageCheck> check = store_.check("default", CheckDepth::kContent);
  ASSERT_TRUE(check) << check.error().describe();
  EXPECT_THAT(check->problems, IsEmpty());
  EXPECT_EQ(store_.check("other", CheckDepth::kQuick).error().code, ErrorCode::kNotFound);
}

TEST_F(ImageStoreTest, FindsEveryKindOfDamage) {
  const fs::path rootfs = publish("default", "one").value().rootfs;
  std::ofstream(rootfs / "usr/bin/python3") << "changed";
  EXPECT_THAT(store_.check("default", CheckDepth::kQuick)->problems, IsEmpty());
  EXPECT_THAT(store_.check("default", CheckDepth::kContent)->problems,
              ElementsAre(HasSubstr("content was changed")));

  fs::remove(rootfs / "usr/bin/python3");
  fs::remove(rootfs / "workspace");
  EXPECT_THAT(store_.check("default", CheckDepth::kQuick)->problems,
              ElementsAre(HasSubstr("/usr/bin/python3"), HasSubstr("/workspace")));

  std::ofstream(rootfs.parent_path() / "manifest.json") << "{";
  EXPECT_THAT(store_.check("default", CheckDepth::kQuick)->problems,
              ElementsAre(HasSubstr("manifest")));
  EXPECT_FALSE(store_.resolve("default"));
}

}  // namespace
}  // namespace cloister::images
