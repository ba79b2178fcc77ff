-- Of a shipment: its parcel was packed in the same step, and is given up when stock refuses it.
alter table operation add column with_parcel boolean not null default false;
