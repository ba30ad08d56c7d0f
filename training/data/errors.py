"""The two ways data can be wrong: a folder that cannot be trained on, and one file in it that cannot be used."""


class DataError(Exception):
    """The folder as a whole cannot be used; the message says what to do about it."""


class Reject(Exception):
    """One file cannot be used; the message is the reason, fit to stand after the file's name. The others go on."""
