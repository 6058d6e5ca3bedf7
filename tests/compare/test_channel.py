from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoobench.compare import messages as channel
from zoobench.compare.messages import ClosedError, LateError

Pipe = tuple[int, int]
SOON_S = 60.0


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):  # closed by the test
            os.close(end)


@given(st.lists(st.binary(max_size=2000), max_size=5))
def test_what_is_sent_is_received_in_order(messages: list[bytes]) -> None:
    reading, writing = os.pipe()
    try:
        for message in messages:
            channel.send(writing, message)
        assert [channel.receive(reading) for _ in messages] == messages
    finally:
        os.close(reading)
        os.close(writing)


def test_a_message_larger_than_the_pipe_arrives_whole(pipe: Pipe) -> None:
    reading, writing = pipe
    message = os.urandom(2**20)
    sender = threading.Thread(target=channel.send, args=(writing, message))
    sender.start()
    assert channel.receive_within(reading, SOON_S, lambda: True) == message
    sender.join()


def test_a_closed_pipe_is_an_end_also_in_the_middle_of_a_message(pipe: Pipe) -> None:
    reading, writing = pipe
    os.write(writing, b"\x00\x00\x00\x09half")
    os.close(writing)
    with pytest.raises(ClosedError):
        channel.receive(reading)


def test_nobody_to_read_is_an_end(pipe: Pipe) -> None:
    reading, writing = pipe
    os.close(reading)
    with pytest.raises(ClosedError):
        channel.send(writing, b"request")


@pytest.mark.parametrize("said", [b"", b"\x00\x00", b"\x00\x00\x00\x09half"])
def test_a_message_that_is_not_whole_in_time_is_late(pipe: Pipe, said: bytes) -> None:
    reading, writing = pipe
    os.write(writing, said)
    with pytest.raises(LateError):
        channel.receive_within(reading, 0.05, lambda: True)


def test_a_dead_sender_is_an_end_although_someone_holds_its_pipe_open(pipe: Pipe) -> None:
    reading, _ = pipe
    with pytest.raises(ClosedError):
        channel.receive_within(reading, SOON_S, lambda: False)


def test_what_a_sender_said_before_it_died_is_heard(pipe: Pipe) -> None:
    reading, writing = pipe
    channel.send(writing, b"last words")
    assert channel.receive_within(reading, SOON_S, lambda: False) == b"last words"
