"""Which crystals: the table, their cells, labelled frames and the file formats that bring them."""
