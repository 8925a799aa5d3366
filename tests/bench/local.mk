# tests/bench: files of this folder.
