#!/usr/bin/env bash
# The first released model: every command from photos to models folder, as they were run, by the lab of
# version 0.1.0. Later labs have another network (docs/decisions/0004) and make another model of it.
#
# The lab has moved on and has this recipe no more: check out commit 38c5283 to run it.
#
#   runs/first.sh FACES RECOGNISERS
#
# FACES holds train/<identity>/, val/<identity>/ and val_pairs/<person>/{a,b}.*; RECOGNISERS holds
# roster.toml and its networks. Stop and start it as you like: finished steps are skipped, training
# goes on from its last checkpoint.
set -euo pipefail
faces=$1 recognisers=$2
out=runs/out

# glibc returns every large block to the system and asks for it again; on two cores a third of
# the time of a step went there.
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592

for part in train val; do
    [ -f "$out/$part/index.json" ] || ermask-train prepare "$faces/$part" --output "$out/$part"
done
ermask-train fit first --data "$out/train" --validation "$out/val" \
    --surrogates "$recognisers" --output "$out/first"
ermask-export build "$out/first" --output "$out/models" --data "$out/val" --card runs/first.card.md
ermask-train evaluate "$faces/val_pairs" --models "$out/models" --calibration "$out/val" \
    --surrogates "$recognisers" --output "$out/figures.json" | tee runs/first.figures.md
ermask-export build "$out/first" --output "$out/models" --data "$out/val" --card runs/first.card.md \
    --figures "$out/figures.json"
cp "$out/models/"* server/ermask/models/
