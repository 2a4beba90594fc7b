"""Decides which learner's records move to which school, and follows each transfer to its end.

It knows learners by random ids and match keys only: it can compare, it cannot read.
"""
