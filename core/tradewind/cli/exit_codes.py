"""The exit codes of the command line."""

FAILED = 1  #: a DAG, task or connection that was run or tested here failed
WRONG = 2  #: a command or its input was wrong
BUG = 70  #: something went wrong that should not
INTERRUPTED = 130  #: stopped from the keyboard
