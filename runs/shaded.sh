#!/usr/bin/env bash
# The third released model, which shades faces against a student of its own: every command from photos
# to models folder.
#
# The lab has moved on and has this recipe no more: check out commit 8165826 to run it.
#
#   runs/shaded.sh FACES RECOGNISERS
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

# The flow starts from that of the model before, `signed`.
before=$out/models-signed
if [ ! -f "$before/models.json" ]; then
    mkdir -p "$before"
    for file in protector.onnx eraser.onnx models.json; do
        git show "38c5283:server/ermask/models/$file" > "$before/$file"
    done
fi
for part in train val; do
    [ -f "$out/$part/index.json" ] || ermask-train prepare "$faces/$part" --output "$out/$part"
done
ermask-train distil --data "$out/train" --surrogates "$recognisers" --teacher mobilefacenet_b \
    --models "$before" --output "$out/student"
ermask-train fit shaded --data "$out/train" --validation "$out/val" --surrogates "$recognisers" \
    --student "$out/student" --start-from "$before" --output "$out/shaded"
ermask-export build "$out/shaded" --output "$out/models" --data "$out/val" --card runs/shaded.card.md
ermask-train evaluate "$faces/val_pairs" --models "$out/models" --calibration "$out/val" \
    --distractors "$out/train" --surrogates "$recognisers" --protocol dodging --protocol erasure \
    --protocol identification --protocol linkage --protocol mark --protocol looks \
    --output "$out/figures.json" --jobs 2 --threads 1 | tee runs/shaded.figures.md
ermask-train prepare "$faces/val_pairs" --output "$out/pairs"
# averaging makes use of the keyless eraser, and finds it in the folder that they share
for attack in keyless search purifiers averaging; do
    ermask-train attack "$attack" --data "$out/train" --pairs "$out/pairs" --calibration "$out/val" \
        --surrogates "$recognisers" --models "$out/models" --steps 300 --queries 12 --limit 40 \
        --work "$out/attack/work" --output "$out/attack/$attack.json"
done
ermask-train attack recogniser --data "$out/train" --pairs "$out/pairs" --calibration "$out/val" \
    --surrogates "$recognisers" --models "$out/models" --steps 200 --limit 40 \
    --output "$out/attack/recogniser.json"
ermask-export build "$out/shaded" --output "$out/models" --data "$out/val" --card runs/shaded.card.md \
    --figures "$out/figures.json"
cp "$out/models/"* server/ermask/models/
