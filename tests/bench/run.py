#!/usr/bin/env python3
"""Measures weir against its baselines and prints the ratios.

usage: run.py [NAME...] [--json FILE] [--build-dir DIR] [--pairs N]

A NAME chooses the measurements whose names begin with it; without one all run. Each comparison is N
adjacent pairs of processes (default 9), weir's and the baseline's first in turn; its ratio is the
median of the pairs' ratios, its spread their range over that median. The Kafka measurements share one
real broker of their own. Exit code 0 when everything was measured, whatever the ratios; 1 when something
could not be; 2 on bad usage.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import compile_bench

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

RECORDS = 5_000_000
PAYLOAD = 73  # bytes per record on average
# What each topic is filled with: the verb of kafka_bench that does it, and how many records.
TOPICS = {"lines": ("preload", RECORDS), "ads": ("preload_ads", 3_000_000)}
IDLE_SECONDS = 10
STALLED_SECONDS = 60
MIB = 1 << 20
RAW_LOOPS = ("raw", "raw_one_queue")

# What each ratio is held to; see docs/.
TARGETS = {
    "kafka_count_1": ">= 0.95", "kafka_count_2": ">= 0.95",
    "kafka_word_count_1": ">= 0.90", "kafka_word_count_2": ">= 0.90",
    "kafka_ad_windows_1": ">= 0.90", "kafka_ad_windows_2": ">= 0.90",
    "continuous_latency_p50": "<= 3.00", "continuous_latency_p99": "<= 3.00",
    "keyed_state_update": ">= 0.85", "keyed_state_update_10k": ">= 0.85",
    "fused_steps": "<= 1.15", "fused_steps_blocks": "<= 1.15", "idle_batches": "<= 0.05", "stalled_sink": "<= 1.00",
    "inverse_window": "<= 2.00",
}


class Failed(Exception):
    """A measurement that could not be taken; says why."""


def run(command, timeout=300):
    """Runs one measurement and returns the JSON objects it printed."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(map(str, command))}: no result after {timeout} s") from None
    except OSError as reason:
        raise Failed(f"cannot run {command[0]}: {reason}; build the target `benchmarks` first") from None
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stderr.strip()[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines()]


class Broker:
    """A real Kafka on free ports; started and filled when first used, gone with this process."""

    def __init__(self, bench):
        self.bench = bench
        self.process = None
        self.address = None
        self.filled = set()

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="weir-bench-")
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
        self.dir.cleanup()

    def options(self, topic="lines"):
        """What every program is told: the broker's address and the topic, which is filled when it is new."""
        if not self.address:
            self.start()
        told = ["--brokers", self.address, "--topic", topic]
        if topic not in self.filled:
            self.filled.add(topic)
            self.fill(topic, told)
        return told

    def start(self):
        home = pathlib.Path(self.dir.name)
        log = home / "start.log"
        script = ROOT / "tests/support/kafka/kafka.sh"
        with log.open("w") as out:
            self.process = subprocess.Popen(["env", "KAFKA_JIT=full", script, "run", home], stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL)
        started = home / "server.log"
        deadline = time.monotonic() + 300  # the first start downloads
        while not (started.exists() and "Kafka Server started" in started.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Failed("the broker did not start:\n" + log.read_text())
            time.sleep(0.1)
        env = dict(line.split("=", 1) for line in (home / "env").read_text().split())
        self.address = env["bootstrap"]

    def fill(self, topic, told):
        verb, records = TOPICS[topic]
        print(f"broker at {self.address}; filling the topic {topic} with {records:,} records ...", flush=True)
        run([self.bench / "kafka_bench", verb, *told, "--records", records])
        # One run of each unmeasured: the broker's compiler and the page cache get warm.
        for impl in ("weir", *RAW_LOOPS):
            run([self.bench / "kafka_bench", "count", *told, "--impl", impl, "--threads", 1])


def result(name, ratios, weir, baseline, unit):
    median = statistics.median(ratios)
    spread = (max(ratios) - min(ratios)) / median if median else 0
    return {"name": name, "ratio": round(median, 4), "weir": round(statistics.median(weir), 4),
            "baseline": round(statistics.median(baseline), 4), "unit": unit, "runs": len(ratios),
            "spread": round(spread, 4)}


def kafka_throughput(name, bench, broker, pairs):
    """weir and both raw loops, the faster of which is the baseline."""
    verb, threads = name.removeprefix("kafka_").rsplit("_", 1)
    topic = "ads" if verb == "ad_windows" else "lines"
    rates = {impl: [] for impl in (RAW_LOOPS[0], "weir", RAW_LOOPS[1])}  # weir is next to both
    for pair in range(pairs):
        order = list(rates) if pair % 2 == 0 else list(reversed(rates))
        for impl in order:
            [got] = run([bench / "kafka_bench", verb, *broker.options(topic), "--impl", impl, "--threads", threads])
            rates[impl].append(got["records"] / got["seconds"] / 1e6)
    fastest = max(RAW_LOOPS, key=lambda impl: statistics.median(rates[impl]))
    ratios = [a / b for a, b in zip(rates["weir"], rates[fastest])]
    return result(name, ratios, rates["weir"], rates[fastest], "million records/s")


def fused_steps(name, bench, _broker, pairs):
    """With `blocks` the steps end in a block that is shared or sent on, not in one sum."""
    more = ["blocks"] if name.endswith("_blocks") else []
    got = [pair for _ in range(pairs) for pair in run([bench / "fused_steps_bench", 3, *more])]
    ratios = [g["weir"] / g["baseline"] for g in got]
    return result(name, ratios, [g["weir"] for g in got], [g["baseline"] for g in got], "ns/record")


def inverse_window(name, bench, _broker, pairs):
    """The baseline is weir's own: a window a hundredth as long."""
    got = run([bench / "inverse_window_bench", pairs])
    ratios = [g["weir"] / g["baseline"] for g in got]
    return result(name, ratios, [g["weir"] for g in got], [g["baseline"] for g in got], "ns/changed key")


def continuous_latency(name, bench, _broker, pairs):
    got = [pair for _ in range(pairs) for pair in run([bench / "continuous_latency_bench", 1])]
    percentile = name.rsplit("_", 1)[1]
    weir = [g[f"weir_{percentile}"] / 1e3 for g in got]
    baseline = [g[f"baseline_{percentile}"] / 1e3 for g in got]
    return result(name, [a / b for a, b in zip(weir, baseline)], weir, baseline, "us from push to result")


def keyed_state(name, bench, _broker, pairs):
    keys = 10_000 if name.endswith("10k") else 1_000_000
    got = [pair for _ in range(pairs) for pair in run([bench / "keyed_state_bench", 3, keys])]
    ratios = [g["weir"] / g["baseline"] for g in got]
    one = result(name, ratios, [g["weir"] for g in got], [g["baseline"] for g in got], "million records/s")
    one["bytes_per_key"], one["baseline_bytes_per_key"] = got[0]["bytes_per_key"], got[0]["baseline_bytes_per_key"]
    return one


def idle_batches(name, bench, broker, pairs):
    got = [g for _ in range(min(pairs, 3))
           for g in run([bench / "kafka_bench", "idle_batches", *broker.options(), "--seconds", IDLE_SECONDS])]
    cpu, wall = [g["cpu_seconds"] for g in got], [g["wall_seconds"] for g in got]
    return result(name, [c / w for c, w in zip(cpu, wall)], cpu, wall, "s of processor time in s")


def stalled_sink(name, bench, broker, _pairs):
    [got] = run([bench / "kafka_bench", "stalled_sink", *broker.options(), "--seconds", STALLED_SECONDS,
                 "--payload", PAYLOAD])
    if got["unread"] < 4 * got["budget"]:
        raise Failed(f"only {got['unread']} bytes are unread, less than 4 times the budget")
    peak, allowed = got["peak_rss"] / MIB, got["budget"] / MIB + 64
    return result(name, [peak / allowed], [peak], [allowed], "MiB resident")


def pid(bench, wanted):
    """The rate controller on its model; its program knows its own measurements and exits with 1 when a bound
    is missed, which is a result too."""
    with tempfile.TemporaryDirectory() as home:
        file = pathlib.Path(home) / "pid.json"
        try:
            done = subprocess.run([bench / "pid_bench", "--json", file], capture_output=True, text=True, timeout=900)
        except (OSError, subprocess.TimeoutExpired) as reason:
            raise Failed(f"pid_bench: {reason}") from None
        if done.returncode not in (0, 1) or not file.exists():
            raise Failed(f"pid_bench: exit code {done.returncode}\n{done.stderr.strip()[-2000:]}")
        return [one for one in json.loads(file.read_text()) if wanted(one["name"])]


def compile_cost(name, bench, _broker, pairs):
    """What those who compile weir pay; the baseline is the same before it was looked at."""
    try:
        return compile_bench.compiled(name, bench.parent.parent, min(pairs, 3))
    except compile_bench.Failed as reason:
        raise Failed(str(reason)) from None


MEASUREMENTS = {
    "kafka_count_1": kafka_throughput, "kafka_count_2": kafka_throughput,
    "kafka_word_count_1": kafka_throughput, "kafka_word_count_2": kafka_throughput,
    "kafka_ad_windows_1": kafka_throughput, "kafka_ad_windows_2": kafka_throughput,
    "continuous_latency_p50": continuous_latency, "continuous_latency_p99": continuous_latency,
    "keyed_state_update": keyed_state, "keyed_state_update_10k": keyed_state,
    "fused_steps": fused_steps, "fused_steps_blocks": fused_steps, "idle_batches": idle_batches, "stalled_sink": stalled_sink,
    "inverse_window": inverse_window,
    **dict.fromkeys(compile_bench.WAYS, compile_cost),
}


def show(one):
    target = TARGETS.get(one["name"], "<= 1.00")
    print(f"{one['name']:<28} {one['ratio']:>8.3f}  {target:<8} {one['weir']:>10.4g} {one['baseline']:>10.4g}  "
          f"{one['unit']:<28} {one['runs']:>3} {one['spread']:>6.0%}", flush=True)
    if "mib" in one:
        bounds = [f"{one[key]:g} {unit}" for key, unit in (("bound", "s"), ("bound_mib", "MiB")) if one.get(key)]
        print(f"{'':<28} peak memory: {one['mib']:.0f} MiB, before {one['baseline_mib']} MiB"
              + (f"; at most {' and '.join(bounds)}" if bounds else ""), flush=True)
    if "bytes_per_key" in one:
        print(f"{'':<28} bytes per key: {one['bytes_per_key']:.1f}, the bare table's {one['baseline_bytes_per_key']:.1f}",
              flush=True)


def main():
    usage = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    usage.add_argument("names", nargs="*", metavar="NAME")
    usage.add_argument("--json", type=pathlib.Path, metavar="FILE")
    usage.add_argument("--build-dir", type=pathlib.Path, default=ROOT / "build/release", metavar="DIR")
    usage.add_argument("--pairs", type=int, default=9, metavar="N")
    args = usage.parse_args()
    if args.pairs < 1:
        usage.error("--pairs must be at least 1")
    known = [*MEASUREMENTS, "pid_"]
    for name in args.names:
        if not any(one.startswith(name) or name.startswith("pid_") for one in known):
            usage.error(f"{name}: no such measurement; there are {', '.join(MEASUREMENTS)} and pid_*")

    def wanted(name):
        return not args.names or any(name.startswith(chosen.rstrip("*")) for chosen in args.names)

    bench = args.build_dir.resolve() / "tests/bench"
    results, failures = [], []

    def collect(measured):
        results.extend(measured)
        for one in measured:
            show(one)

    def attempt(name, measure):
        try:
            collect(measure())
        except Failed as reason:
            failures.append(name)
            print(f"{name}: {reason}", file=sys.stderr, flush=True)

    print(f"{'measurement':<28} {'ratio':>8}  {'target':<8} {'weir':>10} {'baseline':>10}  {'unit':<28} runs spread")
    with Broker(bench) as broker:
        for name, measure in MEASUREMENTS.items():
            if wanted(name):
                attempt(name, lambda: [measure(name, bench, broker, args.pairs)])
    if not args.names or any(name.startswith("pid") for name in args.names):
        attempt("pid_*", lambda: pid(bench, wanted))
    if args.json:
        args.json.write_text("[\n  " + ",\n  ".join(json.dumps(one) for one in results) + "\n]\n")
    if failures:
        print(f"not measured: {', '.join(failures)}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
