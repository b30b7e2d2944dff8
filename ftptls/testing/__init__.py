"""Doubles and contract suites for those who build on ftptls."""
