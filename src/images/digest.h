// SHA-256 of text and of whole directory trees.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

namespace cloister::images {

// 64 lower-case hexadecimal digits of everything added.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  void add(std::string_view bytes);
  // To be called once, last.
  std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Of the tree as a tar stream with sorted names and without times: names, modes, owners, links and
// bytes decide it, and when and where it was unpacked does not.
Result<std::string> tree_digest(const std::filesystem::path& root);

}  // namespace cloister::images
