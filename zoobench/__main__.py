"""`python -m zoobench`."""

from zoobench.cli import main

if __name__ == "__main__":
    main()
