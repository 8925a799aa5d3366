# client: files of this folder.
