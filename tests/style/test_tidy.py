"""The rules of the house that a program can check."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED = {".git", "build", ".venv", "__pycache__", ".pytest_cache", "node_modules", ".hypothesis"}
CPP = {".h", ".cpp", ".c", ".cc"}
TEXT = CPP | {".py", ".md", ".txt", ".cmake", ".json", ".toml", ".yml", ".yaml", ".sh", ".html"}
BANNED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# Directories that exist on the machine of whoever wrote a file, not on the reader's.
MACHINE_PATHS = re.compile(r"(?<![\w.])/(work|root|home/\w+|Users/\w+)/[\w.]")
MOST_LINES = 600
MOST_COLUMNS = 100

# In dependency order, the lowest first, as the build has it: a folder includes only from itself and
# from those before it.
LAYERS = list(
    dict.fromkeys(
        name.split("/")[0]
        for name in re.search(
            r"set\(CLOISTER_ALL_LAYERS ([^)]*?)\)", (ROOT / "CMakeLists.txt").read_text()
        )[1].split()
    )
)
# The layer diagram has more than one path through it; these go against the order and are still wrong.
FORBIDDEN = [
    ("sandbox", "net"),  # The launcher never sees HTTP.
    ("sandbox", "engine"),
    ("sandbox", "store"),
    ("os", "net"),
    ("engine", "backends"),
    ("engine", "sandbox"),
    ("engine", "net"),
    ("api", "backends"),
    ("api", "sandbox"),
]


def all_files():
    found = []
    for path in sorted(ROOT.rglob("*")):
        relative = path.relative_to(ROOT)
        if not set(relative.parts) & SKIPPED and path.is_file():
            found.append(relative)
    return found


FILES = all_files()
SOURCES = [f for f in FILES if f.suffix in CPP]
TEXTS = [f for f in FILES if f.suffix in TEXT or f.name == "CMakeLists.txt"]


def lines_of(relative):
    return (ROOT / relative).read_text(encoding="utf-8").split("\n")


def numbered(relative, wrong):
    return [f"{relative}:{n}" for n, line in enumerate(lines_of(relative), 1) if wrong(line)]


def collect(files, wrong):
    return [place for relative in files for place in numbered(relative, wrong)]


def is_test(relative):
    return relative.parts[0] in ("tests", "bench") or relative.stem.endswith("_test")


def test_there_is_something_to_check():
    assert SOURCES and TEXTS


def test_line_length():
    files = [f for f in SOURCES if not is_test(f)]
    wrong = collect(files, lambda line: len(line) > MOST_COLUMNS)
    assert not wrong, "\n".join(wrong)


def test_no_tabs():
    wrong = collect([f for f in TEXTS if f.name != "Makefile"], lambda line: "\t" in line)
    assert not wrong, "\n".join(wrong)


def test_no_space_at_the_end_of_a_line():
    wrong = collect(TEXTS, lambda line: line != line.rstrip())
    assert not wrong, "\n".join(wrong)


def test_files_end_with_one_line_end():
    wrong = []
    for relative in TEXTS:
        data = (ROOT / relative).read_bytes()
        if data and (not data.endswith(b"\n") or data.endswith(b"\n\n") or b"\r\n" in data):
            wrong.append(str(relative))
    assert not wrong, "\n".join(wrong)


def test_no_banned_words():
    wrong = collect(TEXTS, BANNED.search)
    assert not wrong, "\n".join(wrong)


def test_no_machine_paths():
    payloads = Path("tests") / "payloads"
    files = [f for f in TEXTS if payloads not in f.parents]
    wrong = collect(files, MACHINE_PATHS.search)
    assert not wrong, "\n".join(wrong)


def test_headers_are_guarded_by_pragma_once():
    wrong = [str(f) for f in SOURCES if f.suffix == ".h" and "#pragma once" not in lines_of(f)]
    assert not wrong, "\n".join(wrong)


def test_headers_say_their_purpose():
    wrong = [str(f) for f in SOURCES if f.suffix == ".h" and not lines_of(f)[0].startswith("//")]
    assert not wrong, "\n".join(wrong)


def source_folders():
    return sorted({f.parent for f in SOURCES if f.parts[0] == "src"})


@pytest.mark.parametrize("name", ["README.md", "CMakeLists.txt"])
def test_every_source_folder_has(name):
    wrong = [str(folder) for folder in source_folders() if not (ROOT / folder / name).is_file()]
    assert not wrong, "\n".join(wrong)


def test_readmes_of_folders_are_short():
    wrong = []
    for folder in source_folders():
        readme = ROOT / folder / "README.md"
        if readme.is_file() and len(readme.read_text().splitlines()) > 40:
            wrong.append(str(folder))
    assert not wrong, "\n".join(wrong)


def test_files_are_not_too_long():
    wrong = [str(f) for f in SOURCES if len(lines_of(f)) > MOST_LINES]
    assert not wrong, "\n".join(wrong)


def includes():
    """(file, its layer, the included layer) of every include of the project's own headers."""
    for relative in SOURCES:
        if relative.parts[0] != "src":
            continue
        for line in lines_of(relative):
            match = re.match(r'\s*#include "([a-z_]+)/', line)
            if match and match[1] in LAYERS:
                yield relative, relative.parts[1], match[1]


def test_layers_are_known():
    known = set(LAYERS)
    wrong = [str(folder) for folder in source_folders() if folder.parts[1] not in known]
    assert not wrong, "\n".join(wrong)


def test_includes_go_down_only():
    wrong = []
    for relative, layer, included in includes():
        if LAYERS.index(included) > LAYERS.index(layer):
            # Fakes stand above what they imitate, and unit tests may use them.
            if not (included == "testing" and relative.stem.endswith("_test")):
                wrong.append(f"{relative} includes {included}/")
    assert not wrong, "\n".join(wrong)


def test_forbidden_includes():
    wrong = [
        f"{relative} includes {included}/"
        for relative, layer, included in includes()
        if (layer, included) in FORBIDDEN
    ]
    assert not wrong, "\n".join(wrong)


def test_mains_are_small():
    wrong = [str(f) for f in SOURCES if f.parts[:2] == ("src", "bin") and len(lines_of(f)) > 61]
    assert not wrong, "\n".join(wrong)


def test_no_using_namespace_in_headers():
    files = [f for f in SOURCES if f.suffix == ".h"]
    wrong = collect(files, lambda line: re.match(r"\s*using namespace ", line))
    assert not wrong, "\n".join(wrong)


def test_no_throw_and_no_sleep():
    files = [f for f in SOURCES if f.parts[0] == "src" and not is_test(f)]
    # An adapter to Beast has to offer the overloads that throw.
    pattern = re.compile(
        r"^(?!\s*//).*(\bthrow\b\s*(?!boost::system::)[\w;(]|\bsleep_for\(|\busleep\()"
    )
    wrong = collect(files, pattern.search)
    assert not wrong, "\n".join(wrong)


def functions_too_long(relative, limit=100):
    """Functions of clang-format's shape: a line that begins a body at column 0 up to its brace."""
    begin = None
    for number, line in enumerate(lines_of(relative), 1):
        if re.match(r"^[A-Za-z].*\)\s*(const|noexcept|override|\s)*\{$", line):
            begin = number
        elif line == "}" and begin is not None:
            if number - begin > limit:
                yield f"{relative}:{begin} ({number - begin} lines)"
            begin = None


def test_functions_fit_a_screen_or_two():
    wrong = [place for f in SOURCES if not is_test(f) for place in functions_too_long(f)]
    assert not wrong, "\n".join(wrong)
