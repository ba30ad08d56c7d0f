"""The bundled data sets: fetched through package managers and unpacked into folders of PNG files. Never shipped."""
