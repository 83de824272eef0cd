"""`python -m ermask_training`, which is how `accelerate launch -m` starts `ermask-train`."""

from ermask_training.cli import main

main()
