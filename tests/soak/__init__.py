"""`make soak`: real schedulers, attempts and servers are killed and paused while people meddle; see `__main__`."""
