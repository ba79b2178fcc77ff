//! What the catalogue decides, without a database, a clock or a network.

pub mod attribute;
pub mod category;
pub mod channel;
pub mod check;
pub mod collection;
pub mod import;
pub mod import_line;
pub mod import_parts;
pub mod import_split;
pub mod list;
pub mod options;
pub mod patch;
pub mod product;
pub mod variant;
