"""Keeps the learners' records (bilans, fiches, évaluations) and moves them.

Every record keeps for ever the school and the author it was written by; its holder, a learner in a
school, changes when it moves.
"""
