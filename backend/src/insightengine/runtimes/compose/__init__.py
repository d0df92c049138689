"""Docker Compose: the same application as containers, two colours of it as two Compose projects."""
