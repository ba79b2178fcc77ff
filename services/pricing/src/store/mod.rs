//! SQL, one statement a function, named `noun_verb`. Row-level security shows the tenant's rows only, so reads name no
//! tenant; what runs in a `SystemTx` does.

pub mod candidate;
pub mod channel;
pub mod check;
pub mod price;
pub mod price_list;
pub mod settings;
pub mod tax_class;
pub mod tax_rate;
pub mod tax_zone;
pub mod taxes;
pub mod terms;
pub mod variant_price;
