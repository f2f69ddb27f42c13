"""What weir costs those who compile it: CPU seconds and peak memory of the compiler. See run.py.

Each measurement stands beside the same at the commit before this was looked at (`BEFORE`), taken on two cores of an
AMD EPYC that other work shares; the compiler is that of the build folder.
"""

import json
import os
import pathlib
import re
import shlex
import statistics
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

MIB = 1 << 20
COPIES = 8  # of what is measured by difference: one costs little more than the noise

# CPU seconds and MiB of the compiler before the frame of stages was compiled once. The largest test source was
# tests/unit/operators/window/windows_test.cpp.
BEFORE = {
    "compile_program": (8.6, 461), "compile_chain": (0.48, 17), "compile_step": (0.13, 5), "compile_keyed": (0.80, 16),
    "compile_test": (39.6, 1265),
}
# What each may take at most: CPU seconds, MiB (420 MB are 400.5 MiB).
BOUNDS = {"compile_program": (9.0, 400.5), "compile_test": (20.0, None)}

HEAD = "#include <weir/weir.hpp>\n#include <cstdint>\n#include <utility>\n"
PAIR = "std::pair<int, std::int64_t>"


class Failed(Exception):
    """A compilation that went wrong; says why."""


def compile_once(command, cwd=None):
    """@returns CPU seconds, of compiler and assembler, and peak memory in bytes."""
    child = subprocess.Popen(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}:\n{said.strip()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


def commands(build):
    """The build's own commands by source file, without the compiler's cache."""
    listed = json.loads((build / "compile_commands.json").read_text())
    return {one["file"]: (shlex.split(re.sub(r"^\S*ccache ", "", one["command"])), one["directory"]) for one in listed}


class Compiler:
    """The compiler of a build folder, on sources of its own."""

    def __init__(self, build, home):
        self.build, self.home = build, pathlib.Path(home)
        some = next(iter(commands(build).values()))[0]
        self.program = some[0]

    def measure(self, text):
        source = self.home / "program.cpp"
        source.write_text(text)
        return compile_once([self.program, "-std=c++23", "-O2", f"-I{self.build / 'include'}", "-c", source, "-o",
                             self.home / "program.o"])

    def difference(self, one):
        """What one function costs beside the headers: `one(i)` is its text."""
        none = self.measure(HEAD)
        some = self.measure(HEAD + "".join(one(i) for i in range(COPIES)))
        return tuple((b - a) / COPIES for a, b in zip(none, some))


def readme_program():
    """The first program in the README."""
    return re.search(r"```cpp\n(.*?)```", (ROOT / "README.md").read_text(), re.S)[1]


def chain(i, steps=""):
    return (f"weir::stream<int> chain{i}(const weir::stream<int>& s) {{ return s.map([](int x) {{ return x + {i}; }})"
            f".filter([](int x) {{ return x % {i + 2} == 0; }}){steps}.share(); }}\n")


def longer_chain(i):
    return chain(i, f".map([](int x) {{ return x * {i + 2}; }})")


def keyed(i):
    return (f"weir::stream<{PAIR}> keyed{i}(const weir::stream<{PAIR}>& s) {{ return s.reduce_by_key("
            f"[](std::int64_t a, std::int64_t b) {{ return a + b + {i}; }}).share(); }}\n")


def step(compiler):
    short, long = compiler.difference(chain), compiler.difference(longer_chain)
    return tuple(b - a for a, b in zip(short, long))


def largest_test(compiler):
    """The dearest test source: among those with the largest objects, which take the longest to write."""
    tests = [(pathlib.Path(directory) / command[command.index("-o") + 1], command, directory)
             for file, (command, directory) in commands(compiler.build).items() if "/tests/unit/" in file]
    built = sorted(((object, command, directory) for object, command, directory in tests if object.exists()),
                   key=lambda one: one[0].stat().st_size)
    if not built:
        raise Failed("no test has been built: ./dev build release unit_tests")
    costs = []
    for _, command, directory in built[-3:]:
        command = list(command)
        command[command.index("-o") + 1] = str(compiler.home / "test.o")
        costs.append(compile_once(command, cwd=directory))
    return max(costs)


WAYS = {
    "compile_program": lambda compiler: compiler.measure(readme_program()),
    "compile_chain": lambda compiler: compiler.difference(chain),
    "compile_step": step,
    "compile_keyed": lambda compiler: compiler.difference(keyed),
    "compile_test": largest_test,
}


def measure(name, build, runs):
    """@returns the seconds and the bytes of each run."""
    with tempfile.TemporaryDirectory(prefix="weir-compile-") as home:
        compiler = Compiler(build, home)
        return [WAYS[name](compiler) for _ in range(runs)]


def compiled(name, build, runs):
    """One result of run.py."""
    seconds, memory = zip(*measure(name, build, runs))
    before, before_mib = BEFORE[name]
    now, mib = statistics.median(seconds), statistics.median(memory) / MIB
    one = {"name": name, "ratio": round(now / before, 4), "weir": round(now, 4), "baseline": before,
           "unit": "CPU s, beside before", "runs": runs, "spread": round((max(seconds) - min(seconds)) / now, 4),
           "mib": round(mib, 1), "baseline_mib": before_mib}
    if name in BOUNDS:
        one["bound"], one["bound_mib"] = BOUNDS[name]
    return one
