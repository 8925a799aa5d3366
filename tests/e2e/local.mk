# tests/e2e: files of this folder.
