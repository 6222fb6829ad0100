-- Finds the deliveries that have waited for too long.
CREATE INDEX webhook_deliveries_pending ON webhook_deliveries (coalesce(reopened_at, created_at))
    WHERE status = 'pending';
