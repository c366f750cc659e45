"""One websocket connection: OpenAI's realtime protocol, and live video beside it."""
