# server/tree: files of this folder.
