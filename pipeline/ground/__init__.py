"""What everything stands on: artifacts, lists, schemas, SQL files, errors, resources, the terminal."""
