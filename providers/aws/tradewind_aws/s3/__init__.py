"""S3, at AWS and in stores that speak its protocol."""
