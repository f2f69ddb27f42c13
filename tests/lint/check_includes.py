#!/usr/bin/env python3
"""Checks which folder includes what.

The folders of weir meet only through the interfaces in runtime/. This script holds every #include
against the table below and reports each one that goes the wrong way, names a private header or a
library that belongs elsewhere, does not exist, or closes a cycle.

usage: check_includes.py [ROOT]     exit status: 0 clean, 1 findings, 2 usage
"""

import pathlib
import re
import sys

# The connectors with a folder and a library of their own: what the library's headers begin with, and its
# name. The short header of one stands beside its folder and is part of it.
COMPONENTS = {"connectors/kafka": ("librdkafka/", "librdkafka"),
              "connectors/rocksdb": ("rocksdb/", "RocksDB")}
COMPONENT_HEADERS = {f"{folder}.hpp": folder for folder in COMPONENTS}

# A file belongs to the longest prefix of its path in this table, and may include these areas of weir.
MAY_INCLUDE = {
    "runtime": {"runtime"},
    "runtime/testing": {"runtime", "runtime/testing", "backpressure", "operators", "connectors"},
    "backpressure": {"runtime", "backpressure"},
    "operators": {"runtime", "operators"},
    "actors": {"runtime", "backpressure", "actors"},
    "connectors": {"runtime", "backpressure", "operators", "connectors"},
    "dashboard": {"runtime", "dashboard"},
}
for folder in COMPONENTS:
    MAY_INCLUDE[folder] = MAY_INCLUDE["connectors"] | {folder}
CORE = {"runtime", "backpressure", "operators", "connectors", *COMPONENTS}
MAY_INCLUDE["examples"] = CORE | {"runtime/testing", "examples"}
MAY_INCLUDE["tools"] = CORE | {"runtime/testing", "dashboard", "tools"}
MAY_INCLUDE["tests"] = CORE | {"runtime/testing", "actors", "dashboard", "tools", "tests"}
AREAS = sorted(MAY_INCLUDE, key=len, reverse=True)

# Whose private headers a folder may include besides its own, in files that are not installed: the
# actors run the same replicas as the inline executor.
SEES_PRIVATE = {"actors": {"runtime"}, "tests": set(MAY_INCLUDE)}

# The umbrella of the core, and the place where all parts are put together, see all of weir.
SEES_ALL = {"runtime/weir.hpp", "runtime/context.cpp"}
# Short names of headers that users include: <weir/weir.hpp> is runtime/weir.hpp.
SHORT_NAMES = {"weir.hpp": "runtime/weir.hpp", "main.hpp": "runtime/main.hpp"}
# Umbrellas carry everything, so only programs and tests take them.
UMBRELLAS = {"runtime/weir.hpp": {"examples", "tools", "tests", "runtime/testing"}}
# Where a foreign library may appear.
LIBRARIES = [
    (re.compile(r"caf/"), {"actors", "tests"}, "CAF"),
    # In examples: a host with an event loop of its own, which weir runs inside.
    (re.compile(r"boost/(asio|beast)[./]"),
     {"connectors", "connectors/kafka", "dashboard", "examples", "tests"}, "Boost.Asio"),
    (re.compile(r"simdjson"), {"connectors", "tests"}, "simdjson"),
] + [(re.compile(re.escape(headers)), {folder, "tests"}, library)
     for folder, (headers, library) in COMPONENTS.items()]
# What installed headers must not show, wherever it may appear otherwise.
HIDDEN_FROM_USERS = re.compile("|".join([r"caf/|boost/(asio|beast)[./]|spdlog/|simdjson",
                                         *(re.escape(headers) for headers, _ in COMPONENTS.values())]))
INSTALLED = CORE | {"runtime/testing"}
SHOWS_ASIO = {"connectors/asio.hpp"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def area_of(path):
    if path in COMPONENT_HEADERS:
        return COMPONENT_HEADERS[path]
    return next((a for a in AREAS if path == a or path.startswith(a + "/")), None)


def is_internal(path):
    """Private and not installed."""
    return "internal" in path.split("/")[:-1]


def is_detail(path):
    """Private, and installed all the same because templates need it."""
    return "detail" in path.split("/")[:-1]


def is_installed(path):
    return path.endswith(".hpp") and area_of(path) in INSTALLED and not is_internal(path)


def sources(root):
    """Paths of all C++ files of the project, relative to root, as posix strings."""
    for top in sorted({a.split("/")[0] for a in MAY_INCLUDE}):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in {".hpp", ".cpp", ".h", ".cc"} and path.is_file():
                yield path.relative_to(root).as_posix()


def includes(root, path):
    """(line number, bracket, name) of each #include of a file."""
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found[1], found[2]


def resolve(root, path, bracket, name):
    """The file of weir that an include means: (path, error); both None for a foreign header."""
    if name.startswith("weir/"):
        target = SHORT_NAMES.get(name[5:], name[5:])
        return (target, None) if (root / target).is_file() else (None, f"<{name}> does not exist")
    if bracket == '"':
        if area_of(path) not in {"tests", "tools", "examples"}:
            return None, f'"{name}": write <weir/folder/file.hpp>, the one spelling'
        for base in (pathlib.PurePosixPath(path).parent, pathlib.PurePosixPath(".")):
            if (root / base / name).is_file():
                full = (root / base / name).resolve().relative_to(root.resolve())
                return full.as_posix(), None
    return None, None


def judge(path, target):
    """Why a file must not include another file of weir, or None."""
    area, target_area = area_of(path), area_of(target)
    owner = target.split("/")[0]
    if is_internal(target) or is_detail(target):
        if path.split("/")[0] != owner and owner not in SEES_PRIVATE.get(area, set()):
            return f"{target} is private to {owner}/"
    if is_internal(target) and is_installed(path):
        return (f"{target} is not installed, {path} is: what installed templates need goes in "
                f"{owner}/detail/")
    if path in SEES_ALL:
        if is_installed(path) and target_area in {"actors", *COMPONENTS}:
            return f"the umbrella stays free of {target_area}/"
        return None
    if target in UMBRELLAS and area not in UMBRELLAS[target]:
        return f"{target} carries everything: include what is used"
    if target_area not in MAY_INCLUDE[area]:
        return f"{area}/ must not include {target_area}/"
    return None


def judge_library(path, name):
    """Why a file must not include a foreign header, or None."""
    area = area_of(path)
    for pattern, places, library in LIBRARIES:
        if pattern.match(name) and area not in places:
            return f"<{name}>: {library} belongs in {', '.join(sorted(p + '/' for p in places))}"
    if is_installed(path) and HIDDEN_FROM_USERS.match(name) and path not in SHOWS_ASIO:
        return f"<{name}> in an installed header"
    return None


def cycles(graph):
    """Each cycle of a graph {node: [(line, node)]}, as the list of its nodes, found once."""
    state, found = {}, []
    for start in sorted(graph):
        if start in state:
            continue
        trail, work = [start], [iter(graph[start])]
        state[start] = "open"
        while work:
            step = next(work[-1], None)
            if step is None:
                state[trail.pop()] = "done"
                work.pop()
                continue
            node = step[1]
            if state.get(node) == "open":
                found.append(trail[trail.index(node):] + [node])
            elif node not in state:
                state[node] = "open"
                trail.append(node)
                work.append(iter(graph.get(node, [])))
    return found


def check(root):
    """All findings, one line of text each."""
    root = pathlib.Path(root)
    findings, graph = [], {}
    for path in sources(root):
        graph[path] = []
        for line, bracket, name in includes(root, path):
            target, error = resolve(root, path, bracket, name)
            if target and area_of(target):
                graph[path].append((line, target))
                error = judge(path, target)
            elif not error:
                error = judge_library(path, name)
            if error:
                findings.append(f"{path}:{line}: {error}")
    findings += ["cycle: " + " -> ".join(nodes) for nodes in cycles(graph)]
    return findings


def main(args):
    if len(args) > 1:
        print(__doc__.strip().splitlines()[-1], file=sys.stderr)
        return 2
    root = pathlib.Path(args[0]) if args else pathlib.Path(__file__).resolve().parents[2]
    findings = check(root)
    print("\n".join(findings) if findings else "include directions: clean")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
