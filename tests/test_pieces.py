"""Groups in pieces: the same bits, and only where workers would otherwise have nothing to do; and what a worker asks of
its memory."""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmark.execute import pool
from benchmark.execute.cells import Common, Trained, train_seeds
from benchmark.execute.events import Done, Epoch, Event, Failed, Started, unheard
from benchmark.execute.pieces import in_pieces
from benchmark.execute.pool import queue_of
from benchmark.execute.task import Origin, TrainGroup
from benchmark.records.cell import Group
from benchmark.records.record import Identity
from datasets.base import Protocol
from methods.tr import TR
from tests import jobs
from tests.jobs import Letters
from tests.worlds import split, watch_world


def ran(given: Iterable[Letters], workers: int, order: str = "first") -> tuple[list[str], list[tuple[str, Event]]]:
    """What an executor was given in turn, and what was told. order: which of the jobs at work ends next."""
    seen: list[str] = []

    def execute(todo: Iterable[Any], most: int) -> Iterator[tuple[Any, Event]]:
        queue, busy = queue_of(todo), list[Letters]()
        while queue or busy:
            while queue and len(busy) < most:
                busy.append(queue.popleft())
                seen.append(busy[-1].letters)
                yield busy[-1], Started()
            job = busy.pop(0 if order == "first" else -1)
            yield job, Epoch(1, 2, len(job.letters), 10)
            yield job, Failed("x it is", "method") if "x" in job.letters else Done(job.letters)

    return seen, [(job.letters, event) for job, event in in_pieces(execute, given, workers)]


def ends(told: list[tuple[str, Event]]) -> dict[str, Any]:
    return {name: getattr(e, "result", None) or e for name, e in told if isinstance(e, Done | Failed)}


@pytest.mark.parametrize("order", ["first", "last"])
def test_a_lone_job_keeps_all_workers_busy_and_ends_once_whole(order: str) -> None:
    seen, told = ran([Letters("abcde")], 2, order)
    assert sorted(seen) == ["ab", "cde"]
    assert [type(event) for _, event in told] == [Started, Epoch, Epoch, Done]
    assert ends(told) == {"abcde": "abcde"}


def test_with_a_job_for_each_worker_none_is_in_pieces_at_first() -> None:
    seen, told = ran([Letters("abcd"), Letters("efgh")], 2)
    assert seen == ["abcd", "efgh"] and ends(told) == {"abcd": "abcd", "efgh": "efgh"}


def test_the_last_one_is_shared_out() -> None:
    seen, told = ran([Letters("abcd"), Letters("efgh"), Letters("ijkl")], 2)
    assert seen == ["abcd", "efgh", "ij", "kl"] and ends(told)["ijkl"] == "ijkl"


def test_many_workers_share_few_jobs_evenly() -> None:
    seen, told = ran([Letters("abcd"), Letters("efgh")], 4)
    assert seen == ["ab", "cd", "ef", "gh"] and ends(told) == {"abcd": "abcd", "efgh": "efgh"}


def test_a_queue_may_grow_while_it_is_worked_on() -> None:
    queue, seen = queue_of([Letters("ab")]), list[str]()

    def execute(todo: Iterable[Any], most: int) -> Iterator[tuple[Any, Event]]:
        waiting = queue_of(todo)
        while waiting:
            job = waiting.popleft()
            seen.append(job.letters)
            yield job, Done(job.letters)

    for job, _ in in_pieces(execute, queue, 2):
        if job.letters == "ab":
            queue.append(Letters("cd"))
    assert seen == ["a", "b", "c", "d"]


def test_the_whole_fails_with_a_piece_once_the_others_have_ended() -> None:
    _, told = ran([Letters("axcd")], 2)
    assert ends(told) == {"axcd": Failed("x it is", "method")} and told[-1][0] == "axcd"


def test_active_replicas_of_all_pieces_are_counted() -> None:
    _, told = ran([Letters("abcde")], 2)
    epochs = [(event.epoch, event.active) for _, event in told if isinstance(event, Epoch)]
    assert epochs == [(0, 2), (1, 5)]  # an epoch is over where it is over in every piece


def test_workers_of_their_own_do_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool.worker, "main", jobs.light)
    told = list(in_pieces(pool.processes, [Letters("abcd")], 2))
    assert ends([(job.letters, event) for job, event in told]) == {"abcd": "abcd"}


def group(seeds: tuple[int, ...]) -> TrainGroup:
    origin = Origin("methods.tr", {})
    return TrainGroup(Group("made-up", "tr", "default", seeds), {}, origin)


def test_no_seed_is_left_alone_and_none_is_lost() -> None:
    for count in range(1, 12):
        for most in range(1, 6):
            parts = group(tuple(range(count))).parts(most)
            assert [seed for part in parts for seed in part.group.seeds] == list(range(count))
            sizes = [len(part.group.seeds) for part in parts]
            assert len(parts) <= most and max(sizes) - min(sizes) <= 1
            assert min(sizes) >= 2 or len(parts) == 1


def test_a_group_in_pieces_has_the_bits_of_the_group(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVP_CACHE", str(tmp_path))
    schema, rows = watch_world(300)
    table, config = split(schema, rows), TR.Config(dim=4, hidden=(8, 8))
    protocol, identity = Protocol("made up", batch=64, epochs=3, patience=3), Identity("c0de", {}, "c0f1", "da7a", {})

    def trained(job: TrainGroup) -> Trained:
        return train_seeds(TR, Common(job.group, "TR", config, table, protocol, identity), unheard)

    whole = group((0, 1, 2, 3, 4))
    parts = whole.parts(2)
    assert [part.group.seeds for part in parts] == [(0, 1, 2), (3, 4)]
    once, shared = trained(whole), whole.joined([trained(part) for part in parts])
    assert isinstance(shared, Trained)

    def told(one: Trained) -> list[bytes]:
        return [msgspec.json.encode((r.seed, r.outcome, r.metrics, r.slices, r.curve)) for r in one.records]

    assert told(once) == told(shared) and len({*told(once)}) == 5


def test_figures_are_those_of_the_first_seed_that_has_some() -> None:
    results = [Trained((), {}), Trained((), {3: b"3"}, "no room"), Trained((), {5: b"5"})]
    joined = group((0, 1, 2, 3, 4, 5)).joined(results)
    assert joined.arrays == {3: b"3"} and joined.unkept == "no room"


def test_workers_that_join_meanwhile_get_jobs_too() -> None:
    """As nodes of a cluster: the queue is fed for as many as there are, not for as many as there were."""
    width, most = [1], 0

    def execute(todo: Iterable[Any], _: int) -> Iterator[tuple[Any, Event]]:
        nonlocal most
        queue, busy = queue_of(todo), list[Letters]()
        while queue or busy:
            while queue and len(busy) < width[0]:
                busy.append(queue.popleft())
            most = max(most, len(busy))
            width[0] = 3
            job = busy.pop(0)
            yield job, Done(job.letters)

    told = [(job.letters, event) for job, event in in_pieces(execute, map(Letters, "abcdef"), 1, lambda: width[0])]
    assert sorted(ends(told)) == list("abcdef") and most == 3


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process holds")
def test_large_pages_are_asked_for_without_taking_memory() -> None:
    code = """
from pathlib import Path
from benchmark.execute.machine import keep_freed_memory
def held(): return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])
before = held()
keep_freed_memory()
block = bytearray(8 << 20)
print(held() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 8 << 10 <= int(done.stdout) + 512 < 20 << 10, "KiB: the block of 8 MiB, and next to nothing else"
