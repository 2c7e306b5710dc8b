"""Connections, variables and secrets from AWS: Secrets Manager, and the parameters of Systems Manager (SSM)."""
