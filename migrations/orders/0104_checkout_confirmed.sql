-- Whether the order was confirmed the moment it was placed: a repeated checkout is answered as the first one was, whatever
-- has become of the order since.
alter table checkout add column confirmed boolean not null default false;
update checkout set confirmed = true
from orders
where (orders.tenant_id, orders.checkout_id) = (checkout.tenant_id, checkout.id)
    and orders.document ->> 'confirmed_at' = orders.document ->> 'placed_at';
