"""Events between services: written with the data, published after, taken in once."""
