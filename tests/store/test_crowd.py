from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from threading import Event, Lock
from time import sleep

import pytest

from store.crowd import Crowd


class Bad(Exception):
    """What doing a bad item raises."""


class Stopped(BaseException):
    """What ends a thread, whatever it is doing."""


def test_who_comes_first_begins_at_once_and_who_comes_meanwhile_goes_together() -> None:
    batches: list[list[int]] = []
    begun, go_on = Event(), Event()

    def together(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        begun.set()
        go_on.wait(5)
        return [item * 10 for item in items]

    crowd = Crowd(together, most=4)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(crowd.do, 0)
        begun.wait(5)
        later = [pool.submit(crowd.do, item) for item in range(1, 7)]
        while len(crowd._waiting) < len(later):
            pass
        go_on.set()
        assert [done.result(5) for done in (first, *later)] == [item * 10 for item in range(7)]
    assert batches[0] == [0]
    assert [len(batch) for batch in batches] == [1, 4, 2]
    assert not crowd._led


def test_who_was_served_and_comes_back_at_once_is_in_the_next_piece_of_work() -> None:
    batches: list[int] = []

    def together(items: Sequence[int]) -> list[int]:
        batches.append(len(items))
        sleep(0.02)
        return list(items)

    crowd = Crowd(together, most=8)

    def come_again(_caller: int) -> None:
        for item in range(20):
            crowd.do(item)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(come_again, range(8)))
    # Were the next piece begun before those served are told, two halves of the crowd would take turns, four and four.
    assert median(batches) > 5


def test_one_items_fault_is_nobody_elses() -> None:
    def together(items: Sequence[int]) -> list[int]:
        if 13 in items:
            raise Bad
        return [item * 10 for item in items]

    crowd = Crowd(together, most=8)
    for _ in range(20):
        items = list(range(16))
        random.shuffle(items)
        with ThreadPoolExecutor(16) as pool:
            done = {item: pool.submit(crowd.do, item) for item in items}
        for item, future in done.items():
            if item == 13:
                with pytest.raises(Bad):
                    future.result()
            else:
                assert future.result() == item * 10
    assert not crowd._led


def test_who_leads_and_is_stopped_raises_and_the_others_still_end() -> None:
    batches: list[list[int]] = []
    begun, go_on = Event(), Event()

    def together(items: Sequence[int]) -> list[int]:
        batches.append(list(items))
        begun.set()
        go_on.wait(5)
        if len(items) == 4:
            raise Stopped
        return [item * 10 for item in items]

    crowd = Crowd(together, most=4)
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(crowd.do, 0)]
        begun.wait(5)
        for item in range(1, 8):
            done.append(pool.submit(crowd.do, item))
            while len(crowd._waiting) < item:
                pass
        go_on.set()
        with pytest.raises(Stopped):
            done.pop(1).result(5)
        assert [one.result(5) for one in done] == [0, 20, 30, 40, 50, 60, 70]
    # Those it led go alone, and who came meanwhile goes together: there is one leader still.
    assert sorted(batches) == [[0], [1, 2, 3, 4], [2], [3], [4], [5, 6, 7]]
    assert not crowd._led


def test_every_item_is_done_once_however_many_come() -> None:
    counted: list[int] = []
    lock = Lock()

    def together(items: Sequence[int]) -> list[int]:
        with lock:
            counted.extend(items)
        return list(items)

    crowd = Crowd(together, most=5)
    with ThreadPoolExecutor(24) as pool:
        assert list(pool.map(crowd.do, range(3000))) == list(range(3000))
    assert sorted(counted) == list(range(3000))
