"""The rules of `gateway`: who a person is, how long a session holds, how French is written."""
