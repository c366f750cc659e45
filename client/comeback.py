"""What a client does with its streams and watches once its connection is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from longwatch.client.publisher import Publisher
from longwatch.client.watches import Watch, make
from longwatch.errors import ClosedError, LongwatchError, ServerError

if TYPE_CHECKING:
    from longwatch.client.channel import Channel
    from longwatch.client.view import StreamView


async def take_up(channel: Channel, *, resumed: bool) -> None:
    """Feed again what was fed, and follow what was followed where the session is a new one.

    Watches come first: a stream that is followed again tells of their next firing, not of those
    that were missed.
    """
    router = channel.router
    every: list[Watch | StreamView] = [] if resumed else list(router.watches.values())
    every += router.views.values()
    for one in every:
        try:
            if isinstance(one, Watch):
                await _watch(channel, one)
            elif isinstance(one, Publisher):
                await _feed(channel, one)
            elif not resumed:
                await _attach(channel, one)
        except ClosedError:
            if channel.router.lost is None and not channel.up:
                return  # cut off again; the next time begins anew
            raise
        except LongwatchError as refused:  # somebody else feeds it now, or it is gone
            one.lose(refused)


async def _watch(channel: Channel, watch: Watch) -> None:
    """Follow a watch again; a server that has forgotten it makes it anew, unless it had ended.

    It ends here if somebody deleted it meanwhile.
    """
    try:
        await watch.follow()
    except ServerError as gone:
        if gone.code not in {"watch_not_found", "watch_deleted"}:
            raise
        del channel.router.watches[watch.id]
        if gone.code == "watch_deleted":
            watch.take({"type": "lw.watch.deleted"})
        elif watch.state != "ended":
            await make(channel, watch)


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
