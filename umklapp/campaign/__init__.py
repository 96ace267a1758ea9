"""Before and around the jobs: checks, sizes, shards, campaigns of the test bed."""
