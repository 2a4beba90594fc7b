"""Reading a file that a school has dropped: from its bytes to what it says of each pupil."""
