"""Work of a kind that comes in crowds: what arrives while some of it is being done is done together, next.

Nobody waits for company by the clock: the first to come begins at once, alone; a crowd forms only behind work under
way. The next piece of work begins when the last of those just served has been told, so that who comes back at once is
in it. One transaction then serves them all, each with its own result.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class _Place(Generic[Item, Result]):
    """One caller's place in the crowd: woken when its result is there, or to lead, or to go alone."""

    __slots__ = ("_asleep", "goes_alone", "hands_over", "item", "results")

    def __init__(self, item: Item) -> None:
        self.item = item
        self.results: list[Result] = []
        self.goes_alone = False
        self.hands_over = False
        # A lock that is held: what waits for it sleeps. An Event does the same with four objects more.
        self._asleep = Lock()
        self._asleep.acquire()

    def sleep(self) -> None:
        """Wait to be woken."""
        self._asleep.acquire()

    def wake(self) -> None:
        """Wake who waits, or will."""
        self._asleep.release()


class Crowd(Generic[Item, Result]):
    """Does items together: ``together(items)`` returns a result each, in order, or raises for all of them.

    Where it raises for several, each is done again by itself, so that one item's fault is nobody else's.
    """

    def __init__(self, together: Callable[[Sequence[Item]], Sequence[Result]], most: int) -> None:
        self._together = together
        self._most = most
        self._lock = Lock()
        self._led = False
        self._waiting: deque[_Place[Item, Result]] = deque()

    def do(self, item: Item) -> Result:
        """Return the result of an item, done alone or with others; raises what doing it alone raises."""
        place: _Place[Item, Result] = _Place(item)
        with self._lock:
            leads = not self._led
            self._led = True
            if not leads:
                self._waiting.append(place)
        if not leads:
            place.sleep()
        if place.hands_over:
            self._hand_over()
        if place.results:
            return place.results[0]
        if place.goes_alone:
            return self._together([item])[0]
        return self._lead(place)

    def _lead(self, own: _Place[Item, Result]) -> Result:
        """Do one's own item and those that wait; then let the next of those who came meanwhile lead."""
        with self._lock:
            others = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most - 1))]
        try:
            results = self._together([own.item, *(place.item for place in others)])
        except BaseException as fault:
            for place in others:
                place.goes_alone = True
            if not others or not isinstance(fault, Exception):
                raise
        else:
            own.results.append(results[0])
            for place, result in zip(others, results[1:], strict=True):
                place.results.append(result)
        finally:
            if others:
                others[-1].hands_over = True
                for place in others:
                    place.wake()
            else:
                self._hand_over()
        return own.results[0] if own.results else self._together([own.item])[0]

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().wake()
            else:
                self._led = False
