"""The questions that AWS's documentation leaves open, and what it says, put to a HealthOmics: see ``verify_aws.py``."""
