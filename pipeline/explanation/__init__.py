"""Why a published score is what it is: which source and which kind of knowledge brought how much of it."""
