"""Owns diplomas, inspectors and the switches that let them see a school's data.

An inspector reads nothing but through this service: it checks the switch at each request, notes
the look, and asks the owner of the data with a token for this one school and diploma.
"""
