//! The permissions that the handlers of this service require.

bloom_runtime::permissions! {
    IdentityRead = "identity:read",
    IdentityWrite = "identity:write",
}
