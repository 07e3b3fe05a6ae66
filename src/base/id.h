// Unguessable identifiers from the kernel's random source.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace cloister {

// Fills `bytes` from getrandom(2). Aborts the process when the kernel cannot deliver: no caller can
// go on without unguessable ids.
void fill_random(std::span<std::byte> bytes);

// 2 * `byte_count` lower-case hexadecimal digits.
std::string random_hex(std::size_t byte_count);

// A random UUID, version 4, in canonical lower-case text (RFC 9562).
std::string random_uuid();

// 21 characters of A-Z, a-z, 0-9, '_' and '-', which carry 126 random bits.
std::string random_nanoid();

// True for exactly the form that random_uuid() makes, any version or variant.
bool is_uuid(std::string_view text);

}  // namespace cloister
