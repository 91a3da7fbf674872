"""The one exception that means "the user's input is at fault"."""


class InputError(Exception):
    """Bad input. The command line prints the message as one line and exits with code 2.

    The message says what is wrong, where (file, node, option), why, and what to do about it.
    """
