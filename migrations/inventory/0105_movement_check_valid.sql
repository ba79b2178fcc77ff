-- Read through in a transaction of its own, so that nobody waits for it.
alter table movement validate constraint movement_kind_check;
