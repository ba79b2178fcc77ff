//! Notices: the signed webhooks of payment providers, `POST /v1/payments/webhooks/{connection_id}`.

mod receive;
mod signature;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use receive::routes;
