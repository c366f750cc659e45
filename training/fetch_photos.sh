#!/bin/sh
# Unpack the photographs that packages ship into an ignored folder: page templates of npm, which
# teach the head what is no pictogram, and packages of PyPI, which it is measured on.
set -eu
cache=$(pwd)/${LONGWATCH_TRAINING_CACHE:-training/.cache}/photos
mkdir -p "$cache/npm" "$cache/wheels"
cd "$cache/npm"
for package in @tabler/preview@1.2.0 uikit@3.25.29 startbootstrap-creative@7.0.7 \
    startbootstrap-agency@7.0.12 now-ui-kit@1.3.0 material-kit@2.0.4 admin-lte@4.10.0; do
    archive=$(npm pack --silent "$package")
    mkdir -p "x/${archive%.tgz}"
    tar -tzf "$archive" | grep -E '\.jpe?g$' | tar -xzf "$archive" -C "x/${archive%.tgz}" -T -
    rm "$archive"
done
cd "$cache/wheels"
python3 -m pip download --quiet --no-deps --dest . \
    gradio==6.31.0 ultralytics==8.4.190 scikit-learn==1.9.1 imgaug==0.4.0
for wheel in *.whl; do
    python3 - "$wheel" "$cache/${wheel%%-*}" <<'UNPACK'
import sys
from zipfile import ZipFile

with ZipFile(sys.argv[1]) as wheel:
    kinds = (".jpg", ".jpeg", ".png", ".mp4")
    wheel.extractall(sys.argv[2], [name for name in wheel.namelist() if name.endswith(kinds)])
UNPACK
done
