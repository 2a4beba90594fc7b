"""What `make up` shows: the schools, people, learners and cases of the demonstration."""
