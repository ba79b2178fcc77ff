//! The permissions that this service's handlers ask for.

bloom_web::permissions! {
    CheckoutsWrite = "checkouts:write",
    OrdersRead = "orders:read",
    OrdersWrite = "orders:write",
}
