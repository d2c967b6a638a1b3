copy {partition} ({columns}) from stdin (format binary)
