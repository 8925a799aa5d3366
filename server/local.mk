# server: files of this folder.
