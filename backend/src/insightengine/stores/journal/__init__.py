"""What long operations note of themselves: durable, on this machine, beside nothing it repairs."""
