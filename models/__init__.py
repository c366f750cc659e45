"""One adapter per family of vision-language models; nothing else knows a family's name."""
