"""`python -m pipeline.cli`: the `reelworks` command without its console script."""

from pipeline.cli import main

main()
