"""Files of other programs that hold labelled frames or force sets."""
