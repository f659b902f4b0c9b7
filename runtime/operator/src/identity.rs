//! On whose behalf a request is sent or a cached object is read.

/// Who acts. Every apply and every read of the cache takes one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The runtime itself, with its own rights: for what is the runtime's own, and for a laptop's kubeconfig.
    Process,
    /// A service account, by impersonation.
    ServiceAccount {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl Identity {
    /// The request headers by which the API server takes the caller for this identity. Empty for the process itself.
    ///
    /// The groups are those that the API server gives a service account that comes with its own token; without them
    /// RBAC would grant an impersonated account less than the account has.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Process => Vec::new(),
            Self::ServiceAccount { namespace, name } => vec![
                ("impersonate-user", format!("system:serviceaccount:{namespace}:{name}")),
                ("impersonate-group", "system:serviceaccounts".to_owned()),
                ("impersonate-group", format!("system:serviceaccounts:{namespace}")),
                ("impersonate-group", "system:authenticated".to_owned()),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_is_impersonated() {
        assert!(Identity::Process.headers().is_empty());
        let account = Identity::ServiceAccount { namespace: "ns".to_owned(), name: "orkestra-db".to_owned() };
        assert_eq!(account.headers()[0], ("impersonate-user", "system:serviceaccount:ns:orkestra-db".to_owned()));
        assert_eq!(account.headers().len(), 4);
    }
}
