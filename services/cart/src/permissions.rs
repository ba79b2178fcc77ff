//! The permissions that the handlers of this service require.

bloom_web::permissions! {
    CartsWrite = "carts:write",
    DeliveryOptionsWrite = "delivery_options:write",
}
