"""Samples with known mutual information, practical estimators and plots for the book's chapters.

Import the module you need (``from mibook.samples import running_example``): nothing is re-exported here, so
that the build can tell which chapter uses which module. All information quantities are in nats.
"""
