"""The engine that owns the model, and the service in front of it."""
