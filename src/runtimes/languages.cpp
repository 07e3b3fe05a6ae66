// The table of languages. Adding one is adding an entry here, its packages to images/full, and a
// program for tests/contract/librechat; a compile of several steps gets a script in a folder here.
#include "runtimes/language.h"

namespace cloister::runtimes {
namespace {

Language python() {
  return {.name = "python",
          .title = "Python",
          .aliases = {"py", "python3", "py3"},
          .start = Start::kPython,
          .source_name = "main.py",
          .programs = {"/usr/bin/python3"},
          .version_command = {"python3", "--version"},
          .packages = "python3",
          .run = {"python3", "{source}"}};
}

Language javascript() {
  return {.name = "javascript",
          .title = "JavaScript",
          .aliases = {"js", "node", "nodejs", "node-js", "node-javascript", "bun", "bun-js"},
          .start = Start::kWarm,
          .source_name = "main.js",
          .programs = {"/usr/bin/node"},
          .version_command = {"node", "--version"},
          .packages = "nodejs",
          .run = {"node", "--max-old-space-size={memory_mb}", "/cloister/node/runner.js"}};
}

Language typescript() {
  return {
      .name = "typescript",
      .title = "TypeScript",
      .aliases = {"ts", "bun-ts", "bun-typescript"},
      .source_name = "main.ts",
      .programs = {"/usr/bin/esbuild", "/usr/bin/node"},
      .version_command = {"esbuild", "--version"},
      .packages = "esbuild nodejs",
      .compile = {"sh", "/cloister/typescript/compile_typescript.sh", "{source}"},
      .run = {"node", "--max-old-space-size={memory_mb}", "--enable-source-maps",
              "/cloister/node/runner.js", "/program/main.js"},
      .include_endings = {".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"}};
}

Language bash() {
  return {.name = "bash",
          .title = "Bash",
          .aliases = {"sh", "shell"},
          .source_name = "main.sh",
          .programs = {"/bin/bash"},
          .version_command = {"bash", "--version"},
          .packages = "bash",
          .run = {"bash", "{source}"}};
}

Language c() {
  return {.name = "c",
          .title = "C",
          .source_name = "main.c",
          .programs = {"/usr/bin/gcc", "/usr/include/stdio.h"},
          .version_command = {"gcc", "--version"},
          .packages = "gcc libc6-dev",
          .compile = {"gcc", "-std=gnu17", "-O1", "-iquote", ".", "-o", "/program/main", "{source}",
                      "-lm"},
          .run = {"/program/main"},
          .include_endings = {".h", ".c", ".inc"}};
}

Language cpp() {
  return {
      .name = "cpp",
      .title = "C++",
      .aliases = {"c++", "cxx", "cc"},
      .source_name = "main.cpp",
      .programs = {"/usr/bin/g++", "/usr/include/stdio.h"},
      .version_command = {"g++", "--version"},
      .packages = "g++ libc6-dev",
      // Images may hold <bits/stdc++.h> precompiled; it is only used with exactly these options
      // for the language and the optimisation.
      .compile = {"g++", "-std=c++20", "-O1", "-iquote", ".", "-o", "/program/main", "{source}"},
      .run = {"/program/main"},
      .include_endings = {".h", ".hpp", ".hh", ".hxx", ".ipp", ".inc", ".c", ".cc", ".cpp"}};
}

Language java() {
  return {.name = "java",
          .title = "Java",
          .source_name = "main.java",
          .programs = {"/usr/bin/java", "/usr/bin/javac", "/usr/bin/python3"},
          .version_command = {"java", "--version"},
          .packages = "default-jdk-headless",
          .compile = {"python3", "-IS", "/cloister/java/compile_java.py", "{source}"},
          .run = {"java", "-Xmx{memory_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                  "-Xshare:auto", "-XX:-UsePerfData", "@/program/arguments"},
          .include_endings = {".java", ".jar", ".class"}};
}

Language go() {
  return {.name = "go",
          .title = "Go",
          .aliases = {"golang"},
          .source_name = "main.go",
          .programs = {"/usr/bin/go", "/usr/share/cloister/go/importcfg"},
          .version_command = {"go", "version"},
          .packages = "golang-go",
          .compile = {"sh", "/cloister/go/compile_go.sh", "{source}"},
          .run = {"/program/main"},
          .include_endings = {".go"}};
}

Language rust() {
  return {.name = "rust",
          .title = "Rust",
          .aliases = {"rs"},
          .source_name = "main.rs",
          .programs = {"/usr/bin/rustc", "/usr/bin/cc"},
          .version_command = {"rustc", "--version"},
          .packages = "rustc gcc libc6-dev",
          .compile = {"sh", "/cloister/rust/compile_rust.sh", "{source}"},
          .run = {"/program/main"},
          .include_endings = {".rs", ".txt", ".json", ".csv", ".in", ".inc"}};
}

Language php() {
  return {.name = "php",
          .title = "PHP",
          .source_name = "main.php",
          .programs = {"/usr/bin/php"},
          .version_command = {"php", "--version"},
          .packages = "php-cli",
          .run = {"php", "-d", "memory_limit={memory_mb}M", "-d", "display_errors=stderr", "-d",
                  "log_errors=0", "-d", "html_errors=0", "/cloister/php/start.php"}};
}

Language r() {
  return {.name = "r",
          .title = "R",
          .aliases = {"rscript"},
          .source_name = "main.R",
          .programs = {"/usr/bin/Rscript"},
          .version_command = {"Rscript", "--version"},
          .packages = "r-base-core",
          .run = {"Rscript", "{source}"}};
}

Language d() {
  return {.name = "d",
          .title = "D",
          .aliases = {"dlang"},
          .source_name = "main.d",
          .programs = {"/usr/bin/ldc2", "/usr/bin/cc"},
          .version_command = {"ldc2", "--version"},
          .packages = "ldc gcc libc6-dev",
          // -i compiles imported modules of the working directory too.
          .compile = {"ldc2", "-i", "-I.", "-od=/tmp", "-of=/program/main", "{source}"},
          .run = {"/program/main"},
          .include_endings = {".d", ".di"}};
}

Language fortran() {
  return {.name = "fortran",
          .title = "Fortran",
          .aliases = {"f90", "f95", "f03", "f08"},
          .source_name = "main.f90",
          .programs = {"/usr/bin/gfortran"},
          .version_command = {"gfortran", "--version"},
          .packages = "gfortran",
          .compile = {"gfortran", "-O1", "-ffree-line-length-none", "-I.", "-J/tmp", "-o",
                      "/program/main", "{source}"},
          .run = {"/program/main"},
          .include_endings = {".f90", ".f95", ".f03", ".f08", ".inc", ".mod", ".h"}};
}

Language ruby() {
  return {.name = "ruby",
          .title = "Ruby",
          .aliases = {"rb"},
          .source_name = "main.rb",
          .programs = {"/usr/bin/ruby"},
          .version_command = {"ruby", "--version"},
          .packages = "ruby",
          .run = {"ruby", "/cloister/ruby/start.rb"}};
}

Language perl() {
  return {.name = "perl",
          .title = "Perl",
          .aliases = {"pl"},
          .source_name = "main.pl",
          .programs = {"/usr/bin/perl"},
          .version_command = {"perl", "-e", "print $^V"},
          .packages = "perl",
          .run = {"perl", "-I.", "{source}"}};
}

Language lua() {
  return {.name = "lua",
          .title = "Lua",
          .source_name = "main.lua",
          .programs = {"/usr/bin/lua5.4"},
          .version_command = {"lua5.4", "-v"},
          .packages = "lua5.4",
          .run = {"lua5.4", "{source}"}};
}

}  // namespace

std::span<const Language> languages() {
  static const std::vector<Language> kLanguages{
      python(), javascript(), typescript(), bash(), c(),       cpp(),  java(), go(),
      rust(),   php(),        r(),          d(),    fortran(), ruby(), perl(), lua()};
  return kLanguages;
}

}  // namespace cloister::runtimes
