//! Watch, reconcile, apply, prune, status. The only crate that holds a kube client.
