"""The rules of the pupil base: pure, no I/O; they take values and return what is to be written."""
