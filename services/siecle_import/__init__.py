"""Owns the pupil base, the only place with learners' identities, and brings it up from SIECLE."""
