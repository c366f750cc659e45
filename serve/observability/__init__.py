"""Logs, metrics and traces of the service.

* `context` carries the ids of stream, session and answer; `logs` writes them with every line.
* `observer` is what the engine reports to, `metrics` is the one that Prometheus reads.
* `tracing` follows a frame or a question through its stages; `otel` sends that by OpenTelemetry,
  and is imported only where traces are wanted.
"""
