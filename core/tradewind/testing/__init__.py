"""What authors of DAGs and providers import in their tests."""
