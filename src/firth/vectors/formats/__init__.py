"""Word vectors in files: a module for each format; `detect` tells which one a file has."""
