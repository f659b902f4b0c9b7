//! How each program is started.

use std::ffi::OsString;
use std::path::Path;

use crate::credentials::Credentials;

/// Addresses that the parts reach each other at. All of them are on loopback.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
    pub(crate) api_server: u16,
}

impl Ports {
    pub(crate) fn server(&self) -> String {
        format!("https://127.0.0.1:{}", self.api_server)
    }
}

/// `--name=value`, for a value that may be any path.
fn flag(name: &str, value: impl AsRef<std::ffi::OsStr>) -> OsString {
    let mut flag = OsString::from(format!("--{name}="));
    flag.push(value);
    flag
}

fn flags<const N: usize>(plain: [&str; N]) -> Vec<OsString> {
    plain.map(OsString::from).into()
}

pub(crate) fn etcd(data: &Path, ports: &Ports, credentials: &Credentials) -> Vec<OsString> {
    let client = format!("https://127.0.0.1:{}", ports.etcd);
    let peer = format!("https://127.0.0.1:{}", ports.etcd_peer);
    // The data is thrown away: it need not survive the machine.
    let mut arguments = flags(["--unsafe-no-fsync", "--log-level=warn", "--name=devcluster"]);
    arguments.extend([
        flag("data-dir", data.join("etcd")),
        flag("listen-client-urls", &client),
        flag("advertise-client-urls", &client),
        flag("listen-peer-urls", &peer),
        flag("initial-advertise-peer-urls", &peer),
        flag("initial-cluster", format!("devcluster={peer}")),
    ]);
    // Loopback is everybody's on this machine: who may not use the API server must not reach its store either.
    arguments.extend(flags(["--client-cert-auth", "--peer-client-cert-auth"]));
    for of in ["", "peer-"] {
        arguments.extend([
            flag(&format!("{of}trusted-ca-file"), &credentials.authority),
            flag(&format!("{of}cert-file"), &credentials.server_certificate),
            flag(&format!("{of}key-file"), &credentials.server_key),
        ]);
    }
    arguments
}

pub(crate) fn api_server(
    ports: &Ports,
    credentials: &Credentials,
    audit_policy: &Path,
    audit_log: &Path,
) -> Vec<OsString> {
    let mut arguments = flags([
        "--bind-address=127.0.0.1",
        // The address of the `kubernetes` service must not be on loopback, so there is no such endpoint.
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--authorization-mode=RBAC",
        "--allow-privileged=true",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--service-account-issuer=https://kubernetes.default.svc",
        // Pods have no container that could use a token.
        "--disable-admission-plugins=ServiceAccount",
        "--profiling=false",
        // A rotated log would be a log that a test has only half of.
        "--audit-log-maxsize=4000",
    ]);
    arguments.extend([
        flag("secure-port", ports.api_server.to_string()),
        flag("etcd-servers", format!("https://127.0.0.1:{}", ports.etcd)),
        flag("etcd-cafile", &credentials.authority),
        flag("etcd-certfile", &credentials.server_certificate),
        flag("etcd-keyfile", &credentials.server_key),
        flag("tls-cert-file", &credentials.server_certificate),
        flag("tls-private-key-file", &credentials.server_key),
        flag("token-auth-file", &credentials.token_file),
        flag("service-account-key-file", &credentials.account_public_key),
        flag("service-account-signing-key-file", &credentials.account_key),
        flag("audit-policy-file", audit_policy),
        flag("audit-log-path", audit_log),
    ]);
    arguments
}

pub(crate) fn controller_manager(kubeconfig: &Path, credentials: &Credentials) -> Vec<OsString> {
    let mut arguments = flags(["--leader-elect=false", "--secure-port=0", "--profiling=false"]);
    arguments.extend([
        flag("kubeconfig", kubeconfig),
        flag("root-ca-file", &credentials.authority),
        flag("service-account-private-key-file", &credentials.account_key),
    ]);
    arguments
}

pub(crate) fn scheduler(kubeconfig: &Path) -> Vec<OsString> {
    let mut arguments = flags(["--leader-elect=false", "--secure-port=0", "--profiling=false"]);
    arguments.push(flag("kubeconfig", kubeconfig));
    arguments
}

pub(crate) fn kubelet(kubeconfig: &Path, stages: &Path) -> Vec<OsString> {
    // Without a lease that is renewed, the node counts as lost after a minute.
    let mut arguments = flags(["--manage-all-nodes=true", "--node-ip=127.0.0.1", "--node-lease-duration-seconds=40"]);
    arguments.extend([flag("kubeconfig", kubeconfig), flag("config", stages)]);
    arguments
}
