"""When a nearly harmonic crystal is done without a committee: a foundation model and few labels."""
