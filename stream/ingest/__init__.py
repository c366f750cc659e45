"""What publishers push, decoded in a thread for each stream.

`ingest` takes messages in and chooses the decoder: `stills` for pictures, else `video`.
"""
