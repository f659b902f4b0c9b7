//! Objects of others that an entry looks at.

use alloc::string::String;
use alloc::vec::Vec;

use super::Located;

/// Objects of others that the entry sees. Its expressions use neither children nor reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// Unique among the entry's reads.
    pub id: String,
    /// Which objects.
    pub which: Which,
    /// Their namespace; none: the primary's.
    pub namespace: Option<Located>,
}

/// Which objects a read means.
#[derive(Debug, Clone, PartialEq)]
pub enum Which {
    /// The one of this name.
    Name(Located),
    /// All that are selected.
    Selected(Selector),
}

/// Objects by their labels: all that have each label and meet each requirement.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    /// Labels and their values.
    pub labels: Vec<(String, Located)>,
    /// Other conditions on labels.
    pub requirements: Vec<Requirement>,
}

/// A condition on one label.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What must be true of it.
    pub operator: Operator,
    /// The values of [`Operator::In`] and [`Operator::NotIn`].
    pub values: Vec<Located>,
}

/// What must be true of a label, as Kubernetes has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is one of the values.
    In,
    /// It is none of the values, or not there.
    NotIn,
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}
