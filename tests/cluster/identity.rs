//! A pattern acts with its own account's rights, not with the runtime's.

use orkestra_operator::Identity;
use orkestra_tests::{CONFIG_MAP, SERVICE, condition_of};
use serde_json::json;

use crate::fixture::{KATALOG, NO_RESYNC, Running, SERVICE_ACCOUNT, WEB, instance, options, together};

/// Everything that the pattern needs but services.
const RIGHTS: &str = "
apiVersion: v1
kind: ServiceAccount
metadata: {name: orkestra-web}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: orkestra-web}
rules:
  - {apiGroups: [''], resources: [configmaps, serviceaccounts], verbs: [get, create, patch, delete]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: orkestra-web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: orkestra-web}
subjects: [{kind: ServiceAccount, name: orkestra-web}]
";

#[test]
fn what_the_account_may_not_do_is_forbidden_and_the_rest_is_done() {
    together("identity", async |ns| {
        ns.apply(RIGHTS).await;
        let mut instance = instance(KATALOG, NO_RESYNC);
        instance.identity =
            Identity::ServiceAccount { namespace: ns.name().to_owned(), name: "orkestra-web".to_owned() };
        let running = Running::start_with(&ns, instance, options(&ns)).await;
        let mark = ns.cluster().audit().mark().await;
        ns.create(WEB, json!({"metadata": {"name": "a"}, "spec": {}})).await;
        let web = ns.wait_for_condition(WEB, "a", "Stalled", "True").await;
        assert_eq!(condition_of(&web, "Ready"), Some("False"));
        let conditions = web["status"]["conditions"].to_string();
        assert!(conditions.contains("\"Forbidden\"") && conditions.contains("services"), "{conditions}");
        ns.wait_for(CONFIG_MAP, "a-config").await;
        ns.wait_for(SERVICE_ACCOUNT, "a").await;
        assert!(ns.find(SERVICE, "a").await.is_none());
        let account = format!("system:serviceaccount:{}:orkestra-web", ns.name());
        let writes = ns.writes_since(mark).await;
        for write in &writes {
            // Status and bookkeeping are the runtime's own.
            let own = write.resource == "webs/status" || write.resource == "events";
            assert_eq!(write.impersonated.as_deref() == Some(&*account), !own, "{write:#?}");
        }
        // With the right, it goes on by itself.
        ns.apply(&RIGHTS.replace("[configmaps, serviceaccounts]", "[configmaps, serviceaccounts, services]")).await;
        ns.wait_for_condition(WEB, "a", "Ready", "True").await;
        running.stop().await;
    });
}
