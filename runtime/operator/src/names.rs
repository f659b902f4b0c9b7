//! Names that the runtime writes into objects. They are part of the contract with every object that exists already.

/// Domain of our labels, annotations and finalizers.
const DOMAIN: &str = "orkestra.orkspace.io";
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

/// Whether a key of a label or annotation is ours, so that no pattern may write it.
pub(crate) fn is_reserved(key: &str) -> bool {
    let domain = key.split_once('/').map(|(domain, _)| domain);
    domain.is_some_and(|domain| domain.strip_suffix(DOMAIN).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Whether an annotation says that the work of `onDelete` has been done.
pub(crate) fn is_on_delete(key: &str) -> bool {
    key.strip_suffix(ON_DELETE).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// A finalizer or annotation of one instance, where several may have theirs on an object.
pub(crate) fn of_instance(instance: &str, name: &str) -> String {
    format!("{instance}.{name}")
}

/// The field manager of an instance.
pub(crate) fn field_manager(instance: &str) -> String {
    format!("{MANAGER_PREFIX}{instance}")
}

/// The API server's limit on a field manager's name.
pub(crate) const MAX_MANAGER: usize = 128;
