//! Names that the runtime writes into objects. They are part of the contract with every object that exists already.

/// Prefix of our labels and annotations; a pattern may not write any key under it.
pub(crate) const RESERVED_PREFIX: &str = "orkestra.orkspace.io/";
/// Label: the instance's name.
pub(crate) const PATTERN: &str = "orkestra.orkspace.io/pattern";
/// Label: the primary's UID.
pub(crate) const OWNER_UID: &str = "orkestra.orkspace.io/owner-uid";
/// Label: the child's id in the pattern.
pub(crate) const ID: &str = "orkestra.orkspace.io/id";
/// Annotation: the key of the `forEach` element that the child is made for.
pub(crate) const KEY: &str = "orkestra.orkspace.io/key";
/// Label of a child that does not lie in its primary's namespace: that namespace.
pub(crate) const OWNER_NAMESPACE: &str = "orkestra.orkspace.io/owner-namespace";
/// Label of such a child that stays when its primary goes.
pub(crate) const RETAINED: &str = "orkestra.orkspace.io/retained";
/// Annotation of a Secret with generated values that have their time: when they were made, as RFC 3339 has it.
pub(crate) const MADE: &str = "orkestra.orkspace.io/made";
/// Annotation of a Secret with a certificate: a digest of what that was made for.
pub(crate) const CERTIFIED: &str = "orkestra.orkspace.io/certified";
/// Finalizer of a primary whose deletion needs work.
pub(crate) const FINALIZER: &str = "orkestra.orkspace.io/cleanup";
/// Kubernetes' finalizer of an object whose dependents are to stay when it goes.
pub(crate) const ORPHAN: &str = "orphan";
/// Annotation on a primary that is being deleted: the work of `onDelete` has been done and is not begun again. Its value is
/// the primary's UID, because a copy of the primary, out of a backup, is another one.
pub(crate) const ON_DELETE: &str = "orkestra.orkspace.io/on-delete";
/// Annotation: hash of the object as applied.
pub(crate) const APPLIED: &str = "orkestra.orkspace.io/applied";
/// Annotation on a primary: `"true"` stops all writes for it but status.
pub(crate) const PAUSED: &str = "orkestra.orkspace.io/paused";
/// Label: what manages the object.
pub(crate) const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
/// Its value.
pub(crate) const MANAGED_BY_VALUE: &str = "orkestra";
/// Selects all children of all patterns.
pub(crate) const CHILD_SELECTOR: &str = "app.kubernetes.io/managed-by=orkestra";
/// Every field manager of ours begins so.
pub(crate) const MANAGER_PREFIX: &str = "orkestra:";
/// Field manager of the runtime itself, for definitions and its own bookkeeping.
pub(crate) const RUNTIME_MANAGER: &str = "orkestra-runtime";

/// The field manager of an instance.
pub(crate) fn field_manager(instance: &str) -> String {
    format!("{MANAGER_PREFIX}{instance}")
}

/// The API server's limit on a field manager's name.
pub(crate) const MAX_MANAGER: usize = 128;
