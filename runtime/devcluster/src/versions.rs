//! The versions that the control plane is made of, and nothing else.
//!
//! The Go modules beside this crate say the same to the Go tool; a test holds the two together.

/// The set of registries and clients: distribution, go-containerregistry, oras and cosign, and the revision of our own one.
pub const REGISTRIES: &str = "v3.1.2-v0.22.1-v1.3.6-v3.1.3-3";

/// Helm and promtool, and the revision of the pair.
pub const DEPLOYMENT: &str = "v4.3.2-v0.316.0-1";

/// The release of kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
pub const KUBERNETES: &str = "v1.37.2";

/// The release of etcd.
pub const ETCD: &str = "v3.7.0";

/// The release of kwok, which plays the kubelet.
pub const KWOK: &str = "v0.8.0";

/// Major and minor version of [`KUBERNETES`], which the API server reports apart from the whole.
pub(crate) fn kubernetes_major_minor() -> (&'static str, &'static str) {
    let mut numbers = KUBERNETES.trim_start_matches('v').split('.');
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use crate::go_build::{CONTROL_PLANE_MODULE, HELM_MODULE, KWOK_MODULE, PROMTOOL_MODULE};

    fn requires(module: &str, path: &str, version: &str) -> bool {
        module.lines().any(|line| line.split_whitespace().take(2).eq([path, version]))
    }

    #[test]
    fn the_go_modules_require_these_versions() {
        assert!(requires(CONTROL_PLANE_MODULE.go_mod, "k8s.io/kubernetes", super::KUBERNETES));
        assert!(requires(CONTROL_PLANE_MODULE.go_mod, "go.etcd.io/etcd/server/v3", super::ETCD));
        assert!(requires(KWOK_MODULE.go_mod, "sigs.k8s.io/kwok", super::KWOK));
        let (helm, rest) = super::DEPLOYMENT.split_once('-').unwrap();
        let (promtool, _revision) = rest.split_once('-').unwrap();
        assert!(requires(HELM_MODULE.go_mod, "helm.sh/helm/v4", helm));
        assert!(requires(PROMTOOL_MODULE.go_mod, "github.com/prometheus/prometheus", promtool));
    }

    #[test]
    fn major_and_minor_are_taken_from_the_release() {
        assert_eq!(super::kubernetes_major_minor(), ("1", "37"));
    }
}
