"""What this provider brings to tradewind."""
