"""The servers that the local runtime supplies out of wheels."""
