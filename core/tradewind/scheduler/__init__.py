"""Decides what runs when, and sees to it.

`decide` and `admit` are pure; `loop` applies what they say through the store and the executor. The scheduler never
runs user code: it knows a DAG only as its spec.
"""
