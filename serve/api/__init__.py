"""HTTP: the application, its routes, chat completions, the status and the page.

* `app` puts everything together; `routes` lists the routes, and has those of health, metrics,
  questions and tickets. Those of `streams`, `watches`, their `timeline` and the `page` stand apart.
* `chat` answers OpenAI's chat completions, as `chat_request` says.
* `status` says how the service itself is doing, and whether it can work.
"""
