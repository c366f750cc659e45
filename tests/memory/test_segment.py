"""Where segments stand beside each other."""

from __future__ import annotations

import torch

from longwatch.memory.segment import Segment, place


def segment(positions: list[list[int]], advance: int | None = None) -> Segment:
    at = torch.tensor(positions)
    kv = (torch.zeros(1, at.shape[1], 2),)
    return Segment(kv, kv, at, advance=advance)


def test_text_is_counted_on() -> None:
    placed = place([segment([[0, 1, 2]]), segment([[0, 1]])], axes=1)
    assert placed.positions.tolist() == [[0, 1, 2, 3, 4]]
    assert placed.end.next(None).tolist() == [[5]]


def test_no_segments_start_at_zero() -> None:
    placed = place([], axes=3)
    assert placed.positions.shape == (3, 0)
    assert placed.end.next(None).tolist() == [[0], [0], [0]]


def test_a_picture_moves_all_axes_by_its_longest_side() -> None:
    """M-RoPE: what follows a picture starts one past its largest position, on every axis."""
    picture = segment([[0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1], [0, 1, 2, 0, 1, 2]])
    placed = place([segment([[0, 1]] * 3), picture, segment([[0]] * 3)], axes=3)
    assert placed.positions[:, 2:8].tolist() == [
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 3, 3, 3],
        [2, 3, 4, 2, 3, 4],
    ]
    assert placed.positions[:, 8].tolist() == [5, 5, 5]


def test_frames_of_one_video_go_on_in_time_and_return_in_space() -> None:
    frame = segment([[0, 0], [0, 0], [0, 1]], advance=4)
    placed = place([segment([[0]] * 3), frame, frame, frame], axes=3)
    assert placed.positions.tolist() == [
        [0, 1, 1, 5, 5, 9, 9],
        [0, 1, 1, 1, 1, 1, 1],
        [0, 1, 2, 1, 2, 1, 2],
    ]
    assert placed.end.next(None).tolist() == [[10]] * 3
    assert place([segment([[0]] * 3), frame], 3).end.next(4).tolist() == [[5], [1], [1]]


def test_a_frame_says_how_much_later_the_next_one_starts() -> None:
    first, second = (segment([[0]] * 3, advance) for advance in (2, 7))
    assert place([first, second], axes=3).positions[0].tolist() == [0, 2]
    assert place([first, second], 3).end.next(1)[0].tolist() == [9]
