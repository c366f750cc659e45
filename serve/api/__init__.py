"""HTTP: the application, its routes, chat completions, the status and the page.

* `app` puts everything together; `routes` lists the routes: `operation` (health, status, metrics),
  `questions`, `streams`, `timeline_routes`, `watches`, `tickets` and `page`.
* `chat` answers OpenAI's chat completions, as `chat_request` says; `listening` waits for it.
* `timeline` says what a stream holds of its past.
* `status` says how the service itself is doing, `readiness` whether it can work.
"""
