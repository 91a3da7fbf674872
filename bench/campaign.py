"""Random networks on random accelerators: onnxruntime against golden, the ISA engine and the RTL
against golden, bit by bit.

    python bench/campaign.py [--isa N] [--ort N] [--split N] [--rtl N --configs N] [--hours H]
                             [--seed S] [--jobs J] [--record]
    python bench/campaign.py --case isa NUMBER [--seed S]    a case again, with what went wrong
    python bench/campaign.py --replay FILE                   a case that was saved

Every case follows from the seed and its number. Results are appended to build/campaign/SEED.jsonl;
what is there already, of the same sources, is not run again. Each kind of failure is minimised once
and saved in build/campaign/cases. --record writes docs/reliability/campaign.json and the section of
docs/reliability.md. Exit code 1 where anything failed.
"""

import argparse
import concurrent.futures
import contextlib
import itertools
import multiprocessing
import sys
import time
from pathlib import Path

from campaign import cases, isa_case, minimise, report, results, rtl_case, split_case, summary
from campaign.stages import Failure

BUILD = results.ROOT / "build" / "campaign"
#: Cases that are given to the workers ahead of their results.
_AHEAD = 4


def main(arguments=None):
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--isa", type=int, default=0, help="networks through the ISA engine")
    parser.add_argument("--split", type=int, default=0, help="networks cut into host and programs")
    parser.add_argument("--ort", type=int, default=0, help="of them compared with onnxruntime")
    parser.add_argument("--rtl", type=int, default=0, help="RTL runs")
    parser.add_argument("--configs", type=int, default=0, help="configurations that they share")
    parser.add_argument("--hours", type=float, default=1e6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--record", action="store_true")
    parser.add_argument(
        "--note", default="", help="a sentence for the section of docs/reliability.md"
    )
    parser.add_argument(
        "--include", type=Path, nargs="*", default=[], help="results of other runs, for the figures"
    )
    parser.add_argument(
        "--minimise",
        type=float,
        default=60,
        metavar="SECONDS",
        help="for each kind of failure; 0 for not at all",
    )
    parser.add_argument("--case", nargs=2, metavar=("KIND", "NUMBER"))
    parser.add_argument("--replay", type=Path)
    parser.add_argument("--out", type=Path, default=BUILD)
    args = parser.parse_args(arguments)
    if args.replay:
        return _replay(args.replay)
    if args.case:
        return _again(args)
    found = results.Results(args.out / f"{args.seed}.jsonl", args.seed)
    until = time.monotonic() + 3600 * args.hours
    with concurrent.futures.ProcessPoolExecutor(
        args.jobs, multiprocessing.get_context("spawn")
    ) as pool:
        if args.isa:
            every = max(1, args.isa // args.ort) if args.ort else 0
            _campaign(
                pool,
                found,
                args,
                until,
                "isa",
                args.isa,
                isa_case.run,
                lambda n: (args.seed, n, bool(every) and n % every == 0),
            )
        if args.split:
            cases_of = (found, args, until, "split", args.split, split_case.run)
            _campaign(pool, *cases_of, lambda n: (args.seed, n))
        if args.configs:
            count = -(-args.rtl // args.configs)
            _campaign(
                pool,
                found,
                args,
                until,
                "rtl",
                args.configs,
                rtl_case.run,
                lambda n: (args.seed, n, count),
            )
    for path in args.include:
        found.include(path)
    figures = summary.summary(found)
    print(summary.text(figures))
    if args.minimise:
        _minimise_all(found, args)
    if args.record:
        report.record(figures, args)
    return 1 if figures["failures"] else 0


def _campaign(pool, found, args, until, kind, wanted, function, arguments):
    """Run cases in order of their numbers until `wanted` of them ran (were not refused), or time is
    up.
    """

    def counted(line):
        return line.get("result") != "refused"

    done, began, waiting = sum(map(counted, found.of(kind))), time.monotonic(), {}
    numbers = (n for n in itertools.count() if (kind, n) not in found.done)
    while waiting or (done < wanted and time.monotonic() < until):
        while (
            done + len(waiting) < wanted
            and len(waiting) < _AHEAD * args.jobs
            and time.monotonic() < until
        ):
            number = next(numbers)
            waiting[pool.submit(function, *arguments(number))] = number
        if not waiting:
            break
        ended, _ = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
        for future in ended:
            del waiting[future]
            line = future.result()
            found.add(line)
            done += counted(line)
            _tell(found, kind, line, done, wanted, began)


def _tell(found, kind, line, done, wanted, began):
    runs = line.get("runs", [line])
    for run in runs:
        if run.get("result") == "failed":
            last = run["detail"].strip().splitlines()[-1:]
            print(
                f"{kind} {line['case'][1]}: {run['signature']}",
                *last,
                sep="\n    ",
                file=sys.stderr,
                flush=True,
            )
    if kind == "rtl" or len(found.lines) % 100 == 0:
        failed = sum(summary.failures(found).values())
        print(
            f"{kind}: {done} of {wanted}, {failed} failures, {time.monotonic() - began:.0f} s",
            file=sys.stderr,
            flush=True,
        )


def _minimise_all(found, args):
    """One saved case for each signature, of the first failure that has it."""
    seen = set()
    for line in found.of("isa") + found.of("rtl"):
        kind, number = line["case"]
        for run in line.get("runs", [line]):
            if (
                run["result"] == "failed"
                and run.get("network", 0) >= 0
                and run["signature"] not in seen
            ):
                seen.add(run["signature"])
                _minimise(args, kind, number, run)


def _minimise(args, kind, number, run):
    if kind == "isa":
        made, configs = isa_case.drawn(args.seed, number)
        seed, bus, name = number, None, f"isa-{args.seed}-{number}"
    else:
        config, bus = rtl_case.configuration(args.seed, number)
        configs, seed, name = [config], run["network"], f"rtl-{args.seed}-{number}-{run['network']}"
        made = rtl_case.drawn(args.seed, number, seed)

    def fails(recipe, config):
        failure = cases.failure_of(recipe, config, seed, bus)
        return failure is not None and failure.signature == run["signature"]

    with rtl_case.own_cache() if bus else contextlib.nullcontext():
        config = next((c for c in configs if fails(made, c)), None)
        if config is None:
            print(f"{kind} {number}: does not fail alone: {run['signature']}", file=sys.stderr)
            return
        made, config = minimise.minimise(made, config, fails, args.minimise * (5 if bus else 1))
        failure = cases.failure_of(made, config, seed, bus)
    folder = args.out / "cases"
    folder.mkdir(parents=True, exist_ok=True)
    path = cases.save(folder / name, made, config, seed, failure, bus)
    layers = ", ".join(entry["op"] for entry in made["layers"])
    print(
        f"{path}: {run['signature']}\n    {made['kind']} {made['inputs']} {layers}",
        file=sys.stderr,
        flush=True,
    )


def _again(args):
    kind, number = args.case[0], int(args.case[1])
    if kind in ("isa", "split"):
        line = (isa_case if kind == "isa" else split_case).run(args.seed, number)
        print(
            line.get("signature", line["result"]),
            *line["refusals"],
            line.get("detail", ""),
            sep="\n",
        )
        return 1 if line["result"] == "failed" else 0
    line = rtl_case.run(args.seed, number, -(-args.rtl // max(args.configs, 1)) or 5)
    for run in line["runs"]:
        print(run["network"], run.get("signature", run["result"]), run.get("detail", ""))
    return 1 if any(run["result"] == "failed" for run in line["runs"]) else 0


def _replay(path):
    try:
        print(f"{path}: {cases.replay(path)}")
    except Failure as e:
        print(f"{path}: {e.signature}\n{e.detail}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
