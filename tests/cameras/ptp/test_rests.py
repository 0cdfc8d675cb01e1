"""Requests that rest: for how long, and what ends it."""

import pytest
import trio
from trio.testing import MockClock

from camfs import errors
from camfs.cameras.ptp.rests import FIRST_REST, KEPT, LONGEST_REST, RestingRequests

QUESTION = (0x1007, (1, 0, 0))


def rests(requests: RestingRequests) -> bool:
    try:
        requests.check(QUESTION)
    except errors.TransferTimeout:
        return True
    return False


async def test_each_failure_doubles_the_rest(autojump_clock: MockClock) -> None:
    requests, seconds = RestingRequests(), FIRST_REST
    for _ in range(6):
        assert not rests(requests)
        assert requests.add(QUESTION, errors.TransferTimeout("silence")) == seconds
        await trio.sleep(seconds - 0.1)
        assert rests(requests)
        await trio.sleep(0.1)
        seconds = min(2 * seconds, LONGEST_REST)


@pytest.mark.parametrize("end", [lambda requests: requests.remove(QUESTION), RestingRequests.clear])
async def test_an_answer_ends_it(end: object, autojump_clock: MockClock) -> None:
    requests = RestingRequests()
    for _ in range(3):
        requests.add(QUESTION, errors.TransferTimeout("silence"))
    assert callable(end)
    end(requests)
    assert not rests(requests)
    assert requests.add(QUESTION, errors.TransferTimeout("silence")) == FIRST_REST


async def test_other_questions_do_not_rest(autojump_clock: MockClock) -> None:
    requests = RestingRequests()
    requests.add(QUESTION, errors.TransferTimeout("silence"))
    requests.check((0x1007, (1, 0, 1)))
    requests.check((0x1008, (1, 0, 0)))


async def test_all_get_the_failure_as_it_was(autojump_clock: MockClock) -> None:
    requests = RestingRequests()
    requests.add(QUESTION, errors.Refused("no session", 0x2003))
    for _ in range(2):
        with pytest.raises(errors.Refused, match="no session") as caught:
            requests.check(QUESTION)
        assert caught.value.code == 0x2003


async def test_few_are_remembered(autojump_clock: MockClock) -> None:
    requests = RestingRequests()
    requests.add(QUESTION, errors.TransferTimeout("silence"))
    for number in range(KEPT - 1):
        requests.add((0x1008, (number,)), errors.TransferTimeout("silence"))
    assert rests(requests)
    requests.add((0x1008, (KEPT,)), errors.TransferTimeout("silence"))
    assert not rests(requests)
