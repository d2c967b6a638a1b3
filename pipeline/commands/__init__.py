"""The command line's commands, by what they are about: what each is told, and what it does."""
