"""Metrics for Prometheus: what there is, served over HTTP on this machine or written for a node exporter.

Imported by name (`importer.adapters.metrics.registry`) and only where it is wanted: the library takes its time to load.
"""
