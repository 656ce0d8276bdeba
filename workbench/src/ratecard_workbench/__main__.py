"""`python -m ratecard_workbench` is the command `ratecard`."""

from ratecard_workbench.cli import main

if __name__ == "__main__":
    main()
