# tests/sim: files of this folder.
