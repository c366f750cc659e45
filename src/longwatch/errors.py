"""Every exception that this project raises on purpose, each with its code on the wire.

* LongwatchError
    * ConfigError (also ValueError)
    * InputError (also ValueError)
        * FrameError
        * ProtocolError
    * ModelError
        * UnsupportedModelError
    * SourceError
    * NotFoundError (also LookupError)
        * EmptyStreamError
    * AuthenticationError
    * ForbiddenError
    * LimitError
    * ClosedError
    * StorageError
    * ServerError

A message says what was wrong, why, and what to do about it. It never holds a credential.
"""

from __future__ import annotations


class LongwatchError(Exception):
    """Base class of all errors below; catch it at the edge of a program."""

    code = "internal"
    kind = "server_error"  # the `type` of an error object on the wire

    def __init__(self, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code
        self.param = param


class ConfigError(LongwatchError, ValueError):
    """A setting is out of range or contradicts another one."""

    code = "config"
    kind = "invalid_request_error"


class InputError(LongwatchError, ValueError):
    """A request cannot be carried out as it stands."""

    code = "invalid_value"
    kind = "invalid_request_error"


class FrameError(InputError):
    """A picture or a piece of video could not be taken: too large, or not decodable."""

    code = "frame_undecodable"


class ProtocolError(InputError):
    """A message does not follow the wire protocol."""

    code = "invalid_message"


class ModelError(LongwatchError):
    """The model could not be loaded, or failed while running."""

    code = "model_error"
    kind = "model_error"


class UnsupportedModelError(ModelError):
    """The model's architecture cannot be driven exactly, so it is refused."""

    code = "model_unsupported"


class SourceError(LongwatchError):
    """A source of video could not be opened, or broke."""

    code = "source_error"
    kind = "source_error"


class NotFoundError(LongwatchError, LookupError):
    """A named thing does not exist."""

    code = "not_found"
    kind = "not_found_error"


class EmptyStreamError(NotFoundError):
    """A question came before the stream's first frame was read."""

    code = "stream_empty"


class AuthenticationError(LongwatchError):
    """Nobody knows who asks: no key, a wrong one, or one that was revoked or has expired."""

    code = "invalid_key"
    kind = "authentication_error"


class ForbiddenError(LongwatchError):
    """It is known who asks, and that one may not."""

    code = "forbidden"
    kind = "permission_error"


class LimitError(LongwatchError):
    """A limit was reached; the request may succeed after about `retry_after` seconds."""

    code = "overloaded"
    kind = "rate_limit_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float = 1.0,
    ) -> None:
        super().__init__(message, code=code, param=param)
        self.retry_after = retry_after


class ClosedError(LongwatchError):
    """A session, stream or connection was used after it was closed."""

    code = "closed"


class StorageError(LongwatchError):
    """What was kept on disk is damaged, or was written by something that this cannot read."""

    code = "storage_error"


class ServerError(LongwatchError):
    """The server answered with an error; `code` and `kind` are the server's own."""

    def __init__(self, message: str, *, code: str, kind: str, param: str | None = None) -> None:
        super().__init__(message, code=code, param=param)
        self.kind = kind
