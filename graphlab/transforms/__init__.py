"""Functions that prepare features and graphs before a model sees them."""
