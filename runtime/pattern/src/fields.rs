//! Reading the maps and scalars of a document beside the Katalog: with the same diagnostics, and so that no key is overlooked.

pub use crate::ast::Spanned;
pub use crate::ast::fields::{Fields, boolean, list, string};
pub use crate::ast::scalars::{duration, label, number};
