# launcher: files of this folder.
