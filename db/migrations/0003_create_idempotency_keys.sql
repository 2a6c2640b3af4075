-- What a client that repeats a change gets again. The table of the change is part of the request.
CREATE TABLE IF NOT EXISTS idempotency_keys (
  key text PRIMARY KEY,
  -- SHA-256 of the request.
  request bytea NOT NULL,
  -- The row that was the answer; null if there was no such row.
  answer jsonb,
  expires_at timestamptz NOT NULL
)
