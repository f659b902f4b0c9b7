//! Certificates, keys and tokens: made for one run, thrown away with it.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};

use crate::Error;
use crate::process::random_hex;

/// A user that the API server knows by a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum User {
    /// Whoever uses the control plane.
    Admin,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// The simulated kubelet.
    Kubelet,
}

impl User {
    const ALL: [Self; 4] = [Self::Admin, Self::ControllerManager, Self::Scheduler, Self::Kubelet];

    /// The name that RBAC and the audit log use. The audit policy leaves out all but the first.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Admin => "devcluster:admin",
            Self::ControllerManager => "devcluster:controller-manager",
            Self::Scheduler => "devcluster:scheduler",
            Self::Kubelet => "devcluster:kubelet",
        }
    }
}

/// What was made for one control plane, as paths of files where programs want files.
#[derive(Debug)]
pub(crate) struct Credentials {
    tokens: [String; 4],
    pub(crate) authority: PathBuf,
    pub(crate) server_certificate: PathBuf,
    pub(crate) server_key: PathBuf,
    pub(crate) account_key: PathBuf,
    pub(crate) account_public_key: PathBuf,
    pub(crate) token_file: PathBuf,
}

impl Credentials {
    /// Makes them and writes them to `directory`, which nobody else must be able to read.
    pub(crate) fn make(directory: &Path) -> Result<Self, Error> {
        let write = |name: &str, text: &str| {
            let path = directory.join(name);
            std::fs::write(&path, text).map_err(Error::file("write", &path)).map(|()| path)
        };
        let authority_key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.distinguished_name.push(DnType::CommonName, "devcluster");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority_certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let server_key = KeyPair::generate()?;
        let names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"];
        let mut server = CertificateParams::new(names.map(String::from))?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        // The second is for etcd, which shows its own certificate to itself.
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let server_certificate = server.signed_by(&server_key, &issuer)?;

        let account_key = KeyPair::generate()?;
        let tokens = [random_hex()?, random_hex()?, random_hex()?, random_hex()?];
        let token_lines: String = User::ALL
            .iter()
            .zip(&tokens)
            .map(|(user, token)| format!("{token},{name},{name},system:masters\n", name = user.name()))
            .collect();
        Ok(Self {
            authority: write("ca.crt", &authority_certificate.pem())?,
            server_certificate: write("server.crt", &server_certificate.pem())?,
            server_key: write("server.key", &server_key.serialize_pem())?,
            account_key: write("accounts.key", &account_key.serialize_pem())?,
            account_public_key: write("accounts.pub", &account_key.public_key_pem())?,
            token_file: write("tokens.csv", &token_lines)?,
            tokens,
        })
    }

    pub(crate) fn token(&self, user: User) -> &str {
        &self.tokens[user as usize]
    }

    /// A kubeconfig, with everything in it, so that it can be moved.
    pub(crate) fn kubeconfig(&self, user: User, server: &str) -> Result<String, Error> {
        let authority = std::fs::read(&self.authority).map_err(Error::file("read", &self.authority))?;
        let (name, authority, token) = (user.name(), base64(&authority), self.token(user));
        Ok(format!(
            "apiVersion: v1
kind: Config
current-context: devcluster
contexts:
  - name: devcluster
    context: {{cluster: devcluster, user: {name:?}, namespace: default}}
clusters:
  - name: devcluster
    cluster: {{server: {server:?}, certificate-authority-data: {authority}}}
users:
  - name: {name:?}
    user: {{token: {token:?}}}
"
        ))
    }
}

/// The one use there is here does not earn a dependency.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) & 63;
            text.push(if position <= group.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads_every_length() {
        // The examples of RFC 4648.
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn the_audit_policy_leaves_out_the_control_plane_and_nobody_else() {
        let policy = include_str!("../assets/audit-policy.yaml");
        for user in User::ALL {
            assert_eq!(policy.contains(user.name()), user != User::Admin, "{user:?}");
        }
    }
}
