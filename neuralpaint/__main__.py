"""Lets `python -m neuralpaint` run the command line."""

from neuralpaint.cli import main

if __name__ == "__main__":
    main()
