"""What the websocket and HTTP share: `guard` checks every request before it is routed."""
