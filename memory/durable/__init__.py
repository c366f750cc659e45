"""Memory that survives the process: logs, a catalogue, and the thread that writes both."""
