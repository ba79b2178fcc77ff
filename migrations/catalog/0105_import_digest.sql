-- SHA-256 of the whole upload: what tells another body from the same one, when its idempotency key comes again. Absent until
-- the upload is complete, and of imports from before this column.
alter table import_job add column digest bytea;
