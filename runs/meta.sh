#!/usr/bin/env bash
# Does the meta-auxiliary step make the attack carry over to recognisers it was not made for? The
# flow alone is trained with it and without, for three seeds each, and measured on the recognisers
# that no run has seen.
# The figures beside it are of a bend of 1.7 pixels all over the face: check out commit 30be4e0 for
# them.
#
#   runs/meta.sh FACES RECOGNISERS
#
# FACES and RECOGNISERS as in guided.sh. Stop and start it as you like: finished steps are skipped,
# training goes on from its last checkpoint.
set -euo pipefail
faces=$1 recognisers=$2
out=runs/out seeds="0 1 2"

# as in guided.sh
export MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=8589934592

for part in train val; do
    [ -f "$out/$part/index.json" ] || ermask-train prepare "$faces/$part" --output "$out/$part"
done
[ -f "$out/pairs/index.json" ] || ermask-train prepare "$faces/val_pairs" --output "$out/pairs"
# A run has a student, but a flow does not learn from it: one that was hardly taught will do.
ermask-train distil --data "$out/train" --surrogates "$recognisers" --teacher mobilefacenet_b \
    --stages 1 --steps 1 --output "$out/meta/student"
runs=()
for seed in $seeds; do
    for recipe in flow flow_meta; do
        ermask-train fit "$recipe" --seed "$seed" --data "$out/train" --validation "$out/val" \
            --surrogates "$recognisers" --student "$out/meta/student" --precision bf16 \
            --output "$out/meta/$recipe-$seed"
    done
    runs+=(--before "$out/meta/flow-$seed" --after "$out/meta/flow_meta-$seed")
done
ermask-train ablate "${runs[@]}" --pairs "$out/pairs" --calibration "$out/val" \
    --surrogates "$recognisers" --threads 1 | tee runs/meta.figures.md
