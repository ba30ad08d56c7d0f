"""The commands of `python -m training`, one a file: HELP, the line that lists it; add(), which gives the parser its
arguments and sets `command` to what runs; that takes the parsed arguments and returns the exit status.
"""
