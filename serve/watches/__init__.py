"""Standing conditions in words: asked again and again, cheaply, and told when they come true."""
