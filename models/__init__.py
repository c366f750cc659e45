"""One adapter per family of vision-language models; nothing else knows a family's name.

Every model is a `base.VideoLM` around one `decoder`. `loader` finds a checkpoint's family in
`families` and lets `selftest` refuse what cannot be driven exactly; `bundled_model` is the one that
ships. `sampling` and `text` lead from logits to pieces of text.
"""
