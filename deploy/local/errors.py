"""What can go wrong in the local stack; each message is fit to be shown as it is."""


class StackError(Exception):
    """The local stack cannot do what was asked. The message says why and what to do."""


class MissingPartError(StackError):
    """A part cannot be had on this machine: the message names what to install or to set."""


class StartError(StackError):
    """A program ended, or did not answer in time, while it was starting."""


class InUseError(StackError):
    """Another process works in the same folder."""
