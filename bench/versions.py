#!/usr/bin/env python3
"""Two builds of Bartizan beside each other, in turns (A B A B ...): is the newer one slower than the one before?

Usage: bench/versions.py OLD NEW [--rounds 5] [--only P1,P3]

OLD and NEW are folders that hold the release binary `bartizan` and, where they are there, the examples `kernel_bench`, `svm_bench`,
`forest_bench` and `shap_bench` of crates/bartizan-estimators. wrk is needed. Prints one row a measurement: medians of both, and the ratio of
speeds, newer to older, taken within each round (above 1: the newer one is faster). Standard library only.
"""
import argparse
import array
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
import servers

BATCH = """
local file = io.open(os.getenv("BENCH_BODY"), "rb")
local body = file:read("*a")
file:close()
wrk.method, wrk.body, wrk.headers["Content-Type"] = "POST", body, "application/json"
function done(summary, latency)
  local broken = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('RESULT {"per_second": %f, "p50_ms": %f, "broken": %d}\\n', summary.requests / summary.duration * 1e6, latency:percentile(50) / 1000, broken))
end
"""


class Version(servers.Bartizan):
    """A server of one build, with all its detectors trained."""

    def __init__(self, label, build, folder):
        super().__init__(label, "", folder)
        self.binary = build / "bartizan"

    def prepare(self):
        super().prepare()
        flows, data = self.folder / "flows.csv", self.folder / "data"
        servers.run([self.binary, "generate", "flows", "--rows", 10000, "--seed", 1, "--attack-share", 0, "--labels", "--out", flows])
        servers.run([self.binary, "train", "flows", flows, "--data-dir", data])


def result(done):
    for line in done.stdout.splitlines():
        if line.startswith("RESULT "):
            return json.loads(line.removeprefix("RESULT "))
    sys.exit(f"wrk said nothing:\n{done.stdout}{done.stderr}")


def analyze(clients, figure, seconds=4):
    """P1, P2: single requests."""
    def measure(version):
        environment = os.environ | {"BENCH_PATH": version.path, "BENCH_ADDRESSES": "256"}
        command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s", "-s", str(servers.HERE / "analyze.lua"), f"http://127.0.0.1:{version.port}"]
        before = cpu_seconds(version)
        got = result(subprocess.run(command, env=environment, capture_output=True, text=True))
        if figure == "cpu":
            return got["requests"] / (cpu_seconds(version) - before)
        return got["per_second"] if figure == "per_second" else 1 / got[figure]
    return measure


def cpu_seconds(version):
    """Processor time of the server so far: what other work on the machine disturbs least."""
    fields = Path(f"/proc/{version.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def batch(path, body, seconds=4):
    """P3: a thousand events at once, four clients."""
    def measure(version):
        script = version.folder / "batch.lua"
        script.write_text(BATCH)
        command = ["wrk", "-t1", "-c4", f"-d{seconds}s", "--timeout", "30s", "-s", script, f"http://127.0.0.1:{version.port}{path}"]
        got = result(subprocess.run([str(c) for c in command], env=os.environ | {"BENCH_BODY": str(body)}, capture_output=True, text=True))
        if got["broken"]:
            sys.exit(f"{version.label}: {got['broken']} answers of {path} were not 200")
        return got["per_second"]
    return measure


def file_score(version):
    """P8: a table of flows from file to verdicts in a file."""
    table, out = version.folder / "score.csv", version.folder / "verdicts.csv"
    if not table.exists():
        servers.run([version.binary, "generate", "flows", "--rows", 100000, "--seed", 2, "--attack-share", 0.1, "--labels", "--out", table])
    started = time.perf_counter()
    servers.run([version.binary, "score", "flows", table, "--out", out, "--top", 10, "--data-dir", version.folder / "data"])
    return 1 / (time.perf_counter() - started)


def kernel(version):
    """P5: rows a second of the isolation forest, 10 and 78 columns, and one row."""
    text = subprocess.run([version.binary.parent / "kernel_bench"], check=True, capture_output=True, text=True, env=os.environ | {"RAYON_NUM_THREADS": "2"}).stdout
    found = {}
    for line in text.splitlines():
        if " x " in line and ": auto " in line:
            width, words = line.split(":")[0].split(" x ")[1], line.replace(",", "").replace(";", "").split()
            found[f"P5 batch, {width} columns"] = float(words[words.index("auto") + 1])
            found[f"P5 portable, {width} columns"] = float(words[words.index("portable") + 1])
            found[f"P5 one row, {width} columns"] = 1 / float(words[words.index("row") + 1])
            found[f"P5b fit, {width} columns"] = 1 / float(words[words.index("fit") + 1])
    return found


def shap(version):
    """P9: microseconds a row."""
    text = subprocess.run([version.binary.parent / "shap_bench"], check=True, capture_output=True, text=True).stdout
    return {f"P9 shares, {width} columns": 1 / float(micros) for width, micros in (line.split() for line in text.splitlines())}


def svm(folder):
    """P6: fit and score of the one-class SVM on 10,000 rows of 78 columns."""
    for name, rows in (("train", 10000), ("test", 5000)):
        numbers = random.Random(name)
        array.array("f", (numbers.gauss(cluster, 1) for row in range(rows) for cluster in [row % 5] * 78)).tofile(open(folder / f"{name}.f32", "wb"))

    def measure(version):
        command = [version.binary.parent / "svm_bench", "exact", folder / "train.f32", folder / "test.f32", 78]
        text = subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True, env=os.environ | {"RAYON_NUM_THREADS": "1"}).stdout
        got = json.loads(text)
        return {"P6 fit, 10,000 x 78": 1 / got["fit_s"], "P6b rows a second": got["rows_per_second"]}
    return measure


def forest(folder):
    """P7: fit and predictions of the random forest on 10,000 rows of 6 columns, 5 classes."""
    for name, rows in (("forest", 10000), ("probe", 10000)):
        numbers = random.Random(name)
        values = [[numbers.random() for _ in range(6)] for _ in range(rows)]
        array.array("f", (v for row in values for v in row)).tofile(open(folder / f"{name}.f32", "wb"))
        array.array("I", (min(4, int(5 * row[0] * row[1] + row[2])) for row in values)).tofile(open(folder / f"{name}.u32", "wb"))

    def measure(version):
        command = [version.binary.parent / "forest_bench", 1, *(folder / f for f in ("forest.f32", "forest.u32", "probe.f32", "probe.u32")), 6]
        got = json.loads(subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout)
        return {"P7 fit, 10,000 x 6": 1 / got["fit"], "P7 rows a second": got["rows_per_second"]}
    return measure


def numbers_of(names, texts):
    """A flow of a table as the bodies name it: only its numbers."""
    flow = {}
    for name, text in zip(names, texts):
        try:
            flow[name] = float(text)
        except ValueError:
            continue
    return flow


def memory(version):
    return f"{version.resident_mb():.0f} MB"


def table_row(name, old, new):
    ratios = [b / a for a, b in zip(old, new)]
    cells = [name, f"{statistics.median(old):.4g}", f"{statistics.median(new):.4g}", f"{statistics.median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"]
    print("| " + " | ".join(cells) + " |", flush=True)


def run_case(name, measure, versions, rounds):
    """All rounds of one measurement; the first of each pair changes from round to round."""
    runs = {}
    for number in range(rounds):
        for version in versions if number % 2 == 0 else versions[::-1]:
            got = measure(version)
            for what, value in (got if isinstance(got, dict) else {name: got}).items():
                runs.setdefault(what, {}).setdefault(version.label, []).append(value)
    for what, both in runs.items():
        table_row(what, both["old"], both["new"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="goals to measure, such as P1,P3 (default all)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bartizan-versions-") as folder:
        folder = Path(folder)
        versions = []
        for label, build in (("old", options.old), ("new", options.new)):
            (folder / label).mkdir()
            versions.append(Version(label, build.resolve(), folder / label))
        try:
            for version in versions:
                version.start()
            flows, sessions = folder / "flows.json", folder / "sessions.json"
            lines = subprocess.run([versions[0].binary, "generate", "flows", "--rows", "1000", "--seed", "3", "--out", folder / "flows.csv"], capture_output=True)
            if lines.returncode:
                sys.exit(lines.stderr.decode())
            head, *rows = (folder / "flows.csv").read_text().splitlines()
            names = head.split(",")
            flows.write_text(json.dumps({"flows": [numbers_of(names, row.split(",")) for row in rows]}))
            draw = random.Random(1)
            bounds = {"failed_logins": (0, 150), "request_rate": (1, 600), "commands_count": (0, 20), "sql_payload": (0, 1),
                      "honeytoken_access": (0, 1), "session_time": (10, 600)}
            sessions.write_text(json.dumps({"logs": [{name: draw.randint(*bound) for name, bound in bounds.items()} for _ in range(1000)]}))
            cases = [
                ("P1 requests/s, 16 clients", analyze(16, "per_second")), ("P1 requests/s, 64 clients", analyze(64, "per_second")), ("P1 1/p99, 64 clients", analyze(64, "p99_ms")),
                ("P1 requests per second of processor, 64 clients", analyze(64, "cpu")),
                ("P2 1/p50, 1 client", analyze(1, "p50_ms")), ("P3 /flows/predict/batch, calls/s", batch("/flows/predict/batch", flows)),
                ("P3 /behavior/predict-batch, calls/s", batch("/behavior/predict-batch", sessions)), ("P5", kernel), ("P6", svm(folder)), ("P7", forest(folder)),
                ("P8 1/seconds, 100,000 flows", file_score), ("P9", shap),
            ]
            print("| what (higher is faster) | older | newer | newer / older |\n|---|--:|--:|--:|")
            wanted = [word for word in options.only.split(",") if word]
            for name, measure in cases:
                if not wanted or name.split()[0] in wanted:
                    run_case(name, measure, versions, options.rounds)
            print("\nP4, memory after this: " + ", ".join(f"{v.label} {memory(v)}" for v in versions) + f"; load on the machine {os.getloadavg()[0]:.1f}")
        finally:
            for version in versions:
                version.stop()


if __name__ == "__main__":
    main()
