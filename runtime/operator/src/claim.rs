//! Whose an object of a child's name is.

use crate::desired::Desired;
use crate::error::Error;
use crate::object::{Manager, Object};

/// By what right an object is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is a child of the primary.
    Ours,
    /// Nobody controls it, and the pattern says that it is to be taken.
    Adopted,
}

/// The primary that claims.
#[derive(Clone, Copy)]
pub(crate) struct Claimant<'a> {
    /// UID of the primary.
    pub(crate) owner: &'a str,
    /// The field manager of its instance.
    pub(crate) manager: Manager<'a>,
    /// Whether a primary with this UID is there: its children are not to be adopted by another.
    pub(crate) lives: &'a (dyn Fn(&str) -> bool + Send + Sync),
}

impl Claimant<'_> {
    /// Claims an object that exists under the child's name.
    ///
    /// # Errors
    ///
    /// `AlreadyExists` where it is somebody else's.
    pub(crate) fn claim(&self, desired: &Desired, live: &Object) -> Result<Claim, Error> {
        if live.belongs_to(self.owner, self.manager) {
            return Ok(Claim::Ours);
        }
        let kept_by = live.owner_uid.as_deref().filter(|uid| *uid != self.owner && live.managed);
        let free = live.owner.is_none() && !kept_by.is_some_and(|uid| (self.lives)(uid));
        if desired.adopt && free {
            return Ok(Claim::Adopted);
        }
        let owner = match &live.owner {
            Some(owner) if *owner.uid == *self.owner => "another instance makes it for the same resource".to_owned(),
            Some(owner) => format!("its controller is {} {:?}", owner.kind, owner.name),
            None if !free => "it is the child of another resource, which keeps it".to_owned(),
            None => "it has no controller".to_owned(),
        };
        Err(Error::AlreadyExists { kind: desired.kind.clone(), name: desired.key.name.to_string(), owner })
    }
}
