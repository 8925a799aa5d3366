# server/store: files of this folder.
