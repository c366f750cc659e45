"""What a client does with its streams once its connection is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.client.publisher import Publisher
from longwatch.errors import ClosedError, LongwatchError

if TYPE_CHECKING:
    from longwatch.client.channel import Channel
    from longwatch.client.view import StreamView


async def take_up(channel: Channel, *, resumed: bool) -> None:
    """Feed again what was fed, and follow what was followed where the session is a new one."""
    for view in list(channel.router.views.values()):
        try:
            if isinstance(view, Publisher):
                await _feed(channel, view)
            elif not resumed:
                await _attach(channel, view)
        except ClosedError:
            if channel.router.lost is None and not channel.up:
                return  # cut off again; the next time begins anew
            raise
        except LongwatchError as refused:  # somebody else feeds it now, or it is gone
            view.lose(refused)


async def _attach(channel: Channel, view: StreamView) -> str:
    """Follow a stream and return its state."""
    event = {"type": "lw.stream.attach", "stream": view.stream}
    reply = await channel.request(event, "lw.stream.state", view.stream)
    return str(reply["state"])


async def _feed(channel: Channel, publisher: Publisher) -> None:
    """Open a publisher's stream again, unless the server has all that it wanted to send."""
    if publisher.left:
        return
    if publisher.ended and await _attach(channel, publisher) == "ended":
        publisher.back()
        return
    await channel.request(publisher.opening, "lw.stream.opened", publisher.stream)
    if publisher.ended:
        await publisher.end_again()
