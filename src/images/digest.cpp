#include "images/digest.h"

#include <openssl/evp.h>

#include <array>
#include <cassert>
#include <cstdlib>

#include "images/child_program.h"

namespace cloister::images {

struct Sha256::State {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  // SHA-256 is part of every OpenSSL; without it, or without memory, nothing here can go on.
  if (EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr) != 1) std::abort();
}

Sha256::~Sha256() = default;

void Sha256::add(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) std::abort();
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  if (EVP_DigestFinal_ex(state_->context.get(), bytes.data(), &size) != 1) std::abort();
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(std::size_t{2} * size);
  for (unsigned int i = 0; i < size; ++i) {
    const unsigned int byte = bytes.at(i);
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

Result<std::string> tree_digest(const std::filesystem::path& root) {
  Sha256 sha;
  const ByteSink add = [&sha](std::string_view bytes) { sha.add(bytes); };
  TRY_VOID(run_program({"tar", "--create", "--directory=" + root.string(), "--format=posix",
                        "--pax-option=delete=atime,delete=ctime", "--sort=name", "--mtime=@0",
                        "--numeric-owner", "."},
                       ChildOutput{nullptr, add}));
  return sha.finish();
}

}  // namespace cloister::images
