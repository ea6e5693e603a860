"""`python -m app.cli`, for commands that start others."""

from app.cli import main

main()
