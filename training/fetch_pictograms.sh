#!/bin/sh
# Install the pictogram packages that training and evaluation draw with, into an ignored folder.
# Versions are pinned; no package's scripts run. OpenMoji (CC-BY-SA-4.0) serves evaluation alone.
set -eu
cache=${LONGWATCH_TRAINING_CACHE:-training/.cache}
mkdir -p "$cache"
npm install --prefix "$cache" --ignore-scripts --no-audit --no-fund --no-save \
    @iconify-json/emojione@1.2.3 \
    @iconify-json/fluent-emoji@1.2.7 \
    @iconify-json/fluent-emoji-flat@1.2.6 \
    @iconify-json/fxemoji@1.2.2 \
    @iconify-json/noto@1.2.9 \
    @iconify-json/noto-v1@1.2.5 \
    @iconify-json/openmoji@1.2.29 \
    @iconify-json/streamline-emojis@1.2.4 \
    @iconify-json/twemoji@1.2.5
