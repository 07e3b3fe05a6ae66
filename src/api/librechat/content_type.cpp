#include "api/librechat/content_type.h"

#include <array>
#include <utility>

#include "net/header_parameters.h"

namespace cloister::api::librechat {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

constexpr std::array kTypes = {
    Entry{"avif", "image/avif"},
    Entry{"bmp", "image/bmp"},
    Entry{"bz2", "application/x-bzip2"},
    Entry{"c", "text/x-c"},
    Entry{"cpp", "text/x-c++"},
    Entry{"css", "text/css"},
    Entry{"csv", "text/csv"},
    Entry{"doc", "application/msword"},
    Entry{"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    Entry{"epub", "application/epub+zip"},
    Entry{"gif", "image/gif"},
    Entry{"go", "text/x-go"},
    Entry{"gz", "application/gzip"},
    Entry{"heic", "image/heic"},
    Entry{"heif", "image/heif"},
    Entry{"htm", "text/html"},
    Entry{"html", "text/html"},
    Entry{"java", "text/x-java"},
    Entry{"jpeg", "image/jpeg"},
    Entry{"jpg", "image/jpeg"},
    Entry{"js", "text/javascript"},
    Entry{"json", "application/json"},
    Entry{"jsonl", "application/jsonl"},
    Entry{"log", "text/plain"},
    Entry{"md", "text/markdown"},
    Entry{"mp3", "audio/mpeg"},
    Entry{"mp4", "video/mp4"},
    Entry{"odp", "application/vnd.oasis.opendocument.presentation"},
    Entry{"ods", "application/vnd.oasis.opendocument.spreadsheet"},
    Entry{"odt", "application/vnd.oasis.opendocument.text"},
    Entry{"parquet", "application/vnd.apache.parquet"},
    Entry{"pdf", "application/pdf"},
    Entry{"png", "image/png"},
    Entry{"ppt", "application/vnd.ms-powerpoint"},
    Entry{"pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"},
    Entry{"py", "text/x-python"},
    Entry{"rtf", "application/rtf"},
    Entry{"sh", "application/x-sh"},
    Entry{"sql", "application/sql"},
    Entry{"svg", "image/svg+xml"},
    Entry{"tar", "application/x-tar"},
    Entry{"tex", "application/x-tex"},
    Entry{"tif", "image/tiff"},
    Entry{"tiff", "image/tiff"},
    Entry{"toml", "application/toml"},
    Entry{"ts", "text/x-typescript"},
    Entry{"tsv", "text/tab-separated-values"},
    Entry{"txt", "text/plain"},
    Entry{"wav", "audio/wav"},
    Entry{"webm", "video/webm"},
    Entry{"webp", "image/webp"},
    Entry{"xls", "application/vnd.ms-excel"},
    Entry{"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    Entry{"xml", "application/xml"},
    Entry{"yaml", "application/yaml"},
    Entry{"yml", "application/yaml"},
    Entry{"zip", "application/zip"},
};

}  // namespace

std::string_view ending_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return {};
  return name.substr(dot + 1);
}

std::string_view content_type_of(std::string_view path) {
  const std::string_view ending = ending_of(path);
  for (const auto& [known, type] : kTypes) {
    if (net::equal_ignoring_case(known, ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace cloister::api::librechat
