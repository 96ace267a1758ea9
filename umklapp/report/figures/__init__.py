"""One module per figure; each gives the table behind the figure and draws it."""
