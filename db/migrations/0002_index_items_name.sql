-- The name is the one that SQLAlchemy gives to Column("name", index=True).
CREATE INDEX IF NOT EXISTS ix_items_name ON items (name)
