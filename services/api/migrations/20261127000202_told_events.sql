-- What happens outside of `api` may be told twice: by the event's id a webhook hears of it once.
ALTER TABLE webhook_deliveries ADD COLUMN event_id uuid;
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id);
