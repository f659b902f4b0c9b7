//! The custom resource that the expressions read, and the schema that types them.

use serde_json::{Value, json};

/// The resource as the API server sends it, managed fields and all: about 5 KB.
pub(crate) fn object() -> Vec<u8> {
    let user = |(name, role, quota): (&str, &str, u32)| json!({"name": name, "role": role, "quota": quota});
    let users = [
        ("ada", "owner", 100),
        ("alan", "admin", 80),
        ("barbara", "admin", 60),
        ("dennis", "developer", 40),
        ("edsger", "developer", 40),
        ("grace", "developer", 50),
        ("ken", "viewer", 5),
        ("leslie", "viewer", 5),
    ];
    let variable = |n: usize| {
        let name = format!("{}_{n:02}", if n.is_multiple_of(4) { "PUBLIC_SETTING" } else { "SETTING" });
        json!({"name": name, "value": format!("value-{n}")})
    };
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "AsExpected", "observedGeneration": 3,
            "lastTransitionTime": "2025-01-01T00:05:00Z",
        })
    };
    let owned: serde_json::Map<String, Value> =
        (0..78).map(|n| (format!("f:setting-{n:02}"), json!({"f:value": {}, ".": {}}))).collect();
    let object = json!({
        "apiVersion": "example.org/v1",
        "kind": "Web",
        "metadata": {
            "name": "shop",
            "namespace": "default",
            "uid": "7d1c3c1e-6a1f-4f8e-9d0e-0a4f5f8f3b52",
            "resourceVersion": "123456",
            "generation": 3,
            "creationTimestamp": "2025-01-01T00:00:00Z",
            "labels": {"app.kubernetes.io/name": "shop", "team": "storefront"},
            "managedFields": [{"manager": "kubectl", "operation": "Apply", "fieldsV1": {"f:spec": owned}}],
        },
        "spec": {
            "image": "registry.example.org/team/shop:1.2.3",
            "replicas": 3,
            "port": 8080,
            "host": "Shop.Example.org",
            "tier": "gold",
            "paused": false,
            "memoryMiB": 512,
            "timeout": "90s",
            "startAt": "2025-01-01T22:30:00Z",
            "backup": {"keep": 7, "schedule": "0 3 * * *"},
            "nodeSelector": {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "eu-1a"},
            "ports": [{"name": "http", "port": 8080}, {"name": "metrics", "port": 9090}, {"name": "admin", "port": 9443}],
            "users": users.map(user),
            "env": (0..16).map(variable).collect::<Vec<_>>(),
        },
        "status": {
            "readyReplicas": 3,
            "conditions": [condition("Progressing", "True"), condition("Available", "True"), condition("Degraded", "False")],
        },
    });
    object.to_string().into_bytes()
}

/// The schema of its version.
pub(crate) fn schema() -> Value {
    let text = || json!({"type": "string"});
    let integer = || json!({"type": "integer"});
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let list = |fields: Value| {
        let required: Vec<&String> = fields.as_object().into_iter().flatten().map(|(name, _)| name).collect();
        json!({"type": "array", "minItems": 1, "items": {"type": "object", "required": required, "properties": fields}})
    };
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": {
                "type": "object",
                "required": [
                    "image", "replicas", "port", "host", "tier", "paused", "memoryMiB", "timeout", "startAt", "ports", "users",
                    "env",
                ],
                "properties": {
                    "image": text(),
                    "replicas": integer(),
                    "port": integer(),
                    "host": text(),
                    "tier": text(),
                    "paused": {"type": "boolean"},
                    "memoryMiB": integer(),
                    "timeout": text(),
                    "startAt": text(),
                    "tls": {"type": "object", "required": ["secretName"], "properties": {"secretName": text()}},
                    "backup": {"type": "object", "properties": {"keep": integer(), "schedule": text()}},
                    "cache": {"type": "object", "properties": {"size": text()}},
                    "nodeSelector": texts(),
                    "ports": list(json!({"name": text(), "port": integer()})),
                    "users": list(json!({"name": text(), "role": text(), "quota": integer()})),
                    "env": list(json!({"name": text(), "value": text()})),
                },
            },
            "status": {
                "type": "object",
                "properties": {
                    "readyReplicas": integer(),
                    "conditions": list(json!({"type": text(), "status": text(), "reason": text()})),
                },
            },
        },
    })
}
