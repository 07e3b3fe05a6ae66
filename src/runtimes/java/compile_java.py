"""Compiles one Java text: `compile_java.py <text>` makes /program/classes and /program/arguments.

A public type has to be in a file of its name, so the text is compiled under that name; where it has
several, `public` is blanked for the others. Sources and archives of the working directory are found.
What to start is looked up in the class files, and written as an argument file for `java`.
"""

import os
import re
import struct
import subprocess
import sys
import tempfile

CLASSES = "/program/classes"
ARGUMENTS = "/program/arguments"
# The compiler's classes, loaded, where the image has them.
ARCHIVE = "/usr/share/cloister/java/javac.jsa"
FAST_JVM = ["-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-Xshare:auto", "-J-Xmx256m"]
if os.path.exists(ARCHIVE):
    FAST_JVM.append(f"-J-XX:SharedArchiveFile={ARCHIVE}")
PREVIEW = "--enable-preview"

# Comments, text blocks, strings and characters: what may hold braces and words that mean nothing.
OPAQUE = re.compile(
    r'//[^\n]*|/\*.*?\*/|"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S
)
WORDS = re.compile(r"[{}]|@interface\b|[\w$]+")
KINDS = {"class", "interface", "enum", "record", "@interface"}

PUBLIC = 0x0001
STATIC = 0x0008
PRIVATE = 0x0002
MAIN_WITH_ARGUMENTS = "([Ljava/lang/String;)V"
MAIN_WITHOUT = "()V"


def blank(match):
    return re.sub(r"[^\n]", " ", match[0])


def top_level(text):
    """The (name, position of `public` or None) of each type, and whether there are bare methods."""
    types, depth, public, kind, has_bare_main = [], 0, None, None, False
    plain = OPAQUE.sub(blank, text)
    for match in WORDS.finditer(plain):
        word = match[0]
        if word in "{}":
            depth += 1 if word == "{" else -1
            public = kind = None
        elif depth > 0:
            continue
        elif kind is not None:
            types.append((word, public))
            public = kind = None
        elif word == "public":
            public = match.start()
        elif word in KINDS:
            # `record` is a word like any other where no name and list follow.
            if word != "record" or re.match(r"\s+\w+\s*[(<]", plain[match.end() :]):
                kind = word
        elif word == "main" and plain[match.end() :].lstrip().startswith("("):
            has_bare_main = True
    return types, has_bare_main


def one_public_type(text, types):
    public = [(name, at) for name, at in types if at is not None]
    for _, at in public[1:]:
        text = text[:at] + " " * len("public") + text[at + len("public") :]
    return text, public[0][0] if public else "main"


def class_file_methods(data):
    """(access flags, name, descriptor) of the methods of a class file (JVM specification, 4.1)."""
    at = 10
    strings = {}
    index, count = 1, struct.unpack_from(">H", data, 8)[0]
    sizes = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2}
    sizes |= {17: 4, 18: 4, 19: 2, 20: 2}
    while index < count:
        tag = data[at]
        if tag == 1:
            size = struct.unpack_from(">H", data, at + 1)[0]
            strings[index] = data[at + 3 : at + 3 + size].decode("utf-8", "replace")
            at += 3 + size
        else:
            at += 1 + sizes[tag]
        index += 2 if tag in (5, 6) else 1
    interfaces = struct.unpack_from(">H", data, at + 6)[0]
    at += 8 + 2 * interfaces
    members = []
    for _ in ("fields", "methods"):
        members = []
        count = struct.unpack_from(">H", data, at)[0]
        at += 2
        for _ in range(count):
            access, name, descriptor, attributes = struct.unpack_from(">4H", data, at)
            members.append((access, strings[name], strings[descriptor]))
            at += 8
            for _ in range(attributes):
                at += 6 + struct.unpack_from(">I", data, at + 2)[0]
    return members


def main_rank(methods):
    """How good a class is to start: 2 as ever, 1 as an instance or without arguments, 0 not."""
    rank = 0
    for access, name, descriptor in methods:
        if name != "main" or access & PRIVATE:
            continue
        if descriptor == MAIN_WITH_ARGUMENTS and access & PUBLIC and access & STATIC:
            return 2
        if descriptor in (MAIN_WITH_ARGUMENTS, MAIN_WITHOUT):
            rank = 1
    return rank


def class_names():
    for folder, _, files in os.walk(CLASSES):
        for file in files:
            if file.endswith(".class"):
                path = os.path.join(folder, file)
                yield path, os.path.relpath(path, CLASSES)[:-6].replace(os.sep, ".")


def find_main(types, file_type):
    """(name, rank) of the class to start: of the text before others, public first, then in order."""
    order = [file_type] + [name for name, _ in types]
    best = None
    for path, name in class_names():
        with open(path, "rb") as file:
            rank = main_rank(class_file_methods(file.read()))
        if rank == 0:
            continue
        outer = name.rpartition(".")[2].split("$")[0]
        place = order.index(outer) if outer in order else len(order)
        key = (rank != 2, place == len(order), "$" in name, place, name)
        if best is None or key < best[0]:
            best = (key, name, rank)
    return best and best[1:]


def compile_text(text, file_type, preview):
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        name = file_type + ".java"
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)
        command = ["javac", *FAST_JVM, "-encoding", "UTF-8", "-proc:none", "-g", "-d", CLASSES]
        command += ["-sourcepath", here, "-cp", f"{here}:{here}/*"]
        if preview:
            release = subprocess.run(["javac", "-version"], capture_output=True, text=True).stdout
            command += [PREVIEW, "--release", release.split()[1].split(".")[0], "-Xlint:-preview"]
        return subprocess.run([*command, name], cwd=folder).returncode


def main():
    with open(sys.argv[1], encoding="utf-8-sig") as file:
        text = file.read()
    types, has_bare_main = top_level(text)
    text, file_type = one_public_type(text, types)
    os.makedirs(CLASSES, exist_ok=True)
    status = compile_text(text, file_type, has_bare_main)
    if status != 0:
        return status
    found = find_main(types, file_type)
    if found is None:
        print("error: no class has a method `static void main(String[] args)`", file=sys.stderr)
        return 1
    name, rank = found
    here = os.getcwd()
    options = f"{PREVIEW}\n" if rank == 1 else ""
    with open(ARGUMENTS, "w", encoding="utf-8") as file:
        file.write(f'{options}-cp "{CLASSES}:{here}:{here}/*"\n{name}\n')
    return 0


sys.exit(main())
