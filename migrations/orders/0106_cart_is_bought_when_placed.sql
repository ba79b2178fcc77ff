-- A checkout claims its cart when its order is placed, not when it is asked for: until then the cart itself says who may go on,
-- after it has seen the buyer's token. Whoever only knows a cart's id claims nothing.
alter table checkout drop constraint checkout_buying_check;
alter table checkout add constraint checkout_buying_check check (
    coalesce(buying, cart_id) = cart_id and (buying is not null or status <> 'completed') and (buying is null or status <> 'failed')
);
drop index checkout_cart_key;
create unique index checkout_cart_key on checkout (tenant_id, buying) where buying is not null;
