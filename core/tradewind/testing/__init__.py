"""What the author of a provider or of a DAG uses in tests."""
