-- A checkout claims its cart when its order is placed, not when it is asked for: until then the cart itself says who may go on,
-- after it has seen the buyer's token. Whoever only knows a cart's id claims nothing. (A checkout that a former release completes
-- for this one claims none: a later release asks that every completed one does.)
alter table checkout drop constraint checkout_buying_check;
alter table checkout add constraint checkout_buying_check
    check (coalesce(buying, cart_id) = cart_id and (buying is null or status <> 'failed')) not valid;
