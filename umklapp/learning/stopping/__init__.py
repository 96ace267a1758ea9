"""When the rounds of a material end: one module per kind of evidence."""
