"""How long records are kept, what removes them, and deletion of records by a search."""
