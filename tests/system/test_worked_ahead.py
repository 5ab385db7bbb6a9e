"""Work on items ahead, by several threads: in order, whatever they are, bounded, errors in their place."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from stylevideo.system.background import worked_ahead

each_number = pytest.mark.parametrize("threads", [1, 2, 4])


def slow_when_even() -> Callable[[int], int]:
    def work(item: int) -> int:
        time.sleep(0.004 * (item % 2 == 0))
        return item * item

    return work


@each_number
def test_results_come_in_order(threads: int) -> None:
    assert list(worked_ahead(range(20), slow_when_even, threads)) == [item * item for item in range(20)]


@each_number
def test_no_more_is_fetched_than_threads_and_one_that_waits(threads: int) -> None:
    fetched: list[int] = []

    def items() -> Iterator[int]:
        for item in range(20):
            fetched.append(item)
            yield item

    results = worked_ahead(items(), slow_when_even, threads)
    for count in range(1, 4):
        next(results)
        assert len(fetched) <= count + threads
    results.close()


@each_number
def test_what_fails_fails_in_its_place_and_what_comes_before_is_there(threads: int) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk is gone")

    results = worked_ahead(items(), slow_when_even, threads)
    assert [next(results) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(OSError, match="the disk is gone"):
        next(results)

    results = worked_ahead([1, 2, 0, 4], lambda: lambda item: 8 // item, threads)
    assert [next(results) for _ in range(2)] == [8, 4]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_threads_end_with_the_reader() -> None:
    results = worked_ahead(range(100), slow_when_even, 4)
    next(results)
    started = [thread for thread in threading.enumerate() if thread.name == "work-ahead"]
    assert len(started) >= 4
    results.close()
    for thread in started:
        thread.join(5)
        assert not thread.is_alive()
