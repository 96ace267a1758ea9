"""Where the first labels come from: aiMD, displacements, cheap surfaces, the user's frames."""
