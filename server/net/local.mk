# server/net: files of this folder.
