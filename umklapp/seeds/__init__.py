"""Where the first labels come from: aiMD, rattled and thermal displacements, the user's frames."""
