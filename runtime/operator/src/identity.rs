//! On whose behalf a request is sent or a cached object is read.

use std::fmt;

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
    /// The request header by which the API server takes the caller for this identity; none for the process itself.
    ///
    /// No groups: the API server gives an impersonated account those that it has by itself, and who names groups needs the
    /// right to impersonate them, which is the right to be anybody in them.
    pub(crate) fn header(&self) -> Option<(&'static str, String)> {
        self.user().map(|(user, _)| ("impersonate-user", user))
    }

    /// The name and the groups that the API server knows an account by; none for the process.
    pub(crate) fn user(&self) -> Option<(String, [String; 3])> {
        let Self::ServiceAccount { namespace, name } = self else { return None };
        let groups = [
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".to_owned(),
        ];
        Some((format!("system:serviceaccount:{namespace}:{name}"), groups))
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => f.write_str("the process"),
            Self::ServiceAccount { namespace, name } => write!(f, "{namespace}/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_account_is_impersonated() {
        assert!(Identity::Process.header().is_none());
        let account = Identity::ServiceAccount { namespace: "ns".to_owned(), name: "orkestra-db".to_owned() };
        assert_eq!(account.header(), Some(("impersonate-user", "system:serviceaccount:ns:orkestra-db".to_owned())));
    }
}
