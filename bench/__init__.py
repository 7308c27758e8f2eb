"""Benchmarks: figures as ratios from one run, never a test."""
