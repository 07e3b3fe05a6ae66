"""The programs of tests/payloads/languages: one folder a language, one file a task."""

from dataclasses import dataclass

from harness.payloads import PAYLOADS


@dataclass(frozen=True)
class Language:
    """What the suites know of a language beside its programs."""

    name: str
    codes: tuple  # What clients send; the first one is LibreChat's own.
    ending: str
    helper: str  # The second file of the task "parts".
    broken_line: str  # How a compiler names the third line of the task "broken".
    crash: str  # What stderr has after the task "crash".
    is_compiled: bool = False
    is_checked_first: bool = True  # Nothing of a program with a syntax error runs.

    def program(self, task):
        return (PAYLOADS / "languages" / self.name / f"{task}.{self.ending}").read_text()

    def helper_text(self):
        return (PAYLOADS / "languages" / self.name / self.helper).read_text()

    def __str__(self):
        return self.name


LANGUAGES = [
    Language("python", ("py", "python"), "py", "helper.py", r"line 3\b", "IndexError"),
    Language("javascript", ("js", "javascript", "node"), "js", "helper.js", r":3\b", "TypeError"),
    Language(
        "typescript",
        ("ts", "typescript"),
        "ts",
        "helper.ts",
        r":3\b",
        "TypeError",
        is_compiled=True,
    ),
    Language("bash", ("bash", "sh"), "sh", "helper.sh", r"line 3\b", "", is_checked_first=False),
    Language("c", ("c",), "c", "helper.h", r"main\.c:3:", "SIGSEGV", is_compiled=True),
    Language(
        "cpp",
        ("cpp", "c++"),
        "cpp",
        "helper.hpp",
        r"main\.cpp:3:",
        "thrown and not caught",
        is_compiled=True,
    ),
    Language(
        "java",
        ("java",),
        "java",
        "Helper.java",
        r"\.java:3:",
        "NullPointerException",
        is_compiled=True,
    ),
    Language(
        "go", ("go", "golang"), "go", "helper.go", r"main\.go:3:", "nil pointer", is_compiled=True
    ),
    Language(
        "rust",
        ("rs", "rust"),
        "rs",
        "helper.rs",
        r"main\.rs:3:",
        "there is nothing",
        is_compiled=True,
    ),
    Language("php", ("php",), "php", "helper.php", r"line 3\b", "thrown and not caught"),
    Language("r", ("r", "R"), "R", "helper.R", r"3:", "stopped on purpose"),
    Language(
        "d",
        ("d",),
        "d",
        "helper.d",
        r"main\.d\(3[,)]",
        "thrown and not caught",
        is_compiled=True,
    ),
    Language(
        "fortran",
        ("f90", "fortran"),
        "f90",
        "helper.inc",
        r"main\.f90:3:",
        "stopped on purpose",
        is_compiled=True,
    ),
    Language("ruby", ("ruby", "rb"), "rb", "helper.rb", r"main\.rb:3:", "raised on purpose"),
    Language("perl", ("perl", "pl"), "pl", "helper.pl", r"line 3\b", "died on purpose"),
    Language("lua", ("lua",), "lua", "helper.lua", r":3:", "failed on purpose"),
]
BY_NAME = {language.name: language for language in LANGUAGES}
