-- An event is found by its place in the order of insertion, and its day by its id: a key of tenant and id would cost every
-- event two more entries of an index (one when it is written, one when it is stamped) that nobody reads. Nothing relies on the
-- database to refuse a second event of the same id: a consumer's inbox does that.
alter table outbox drop constraint outbox_pkey;
