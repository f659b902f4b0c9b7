//! Which flows are leaks and which are not.

use std::sync::Arc;

use serde_json::json;

use super::secret::Secrecy;
use super::{Count, Objects, Place, Scope, check};
use crate::kinds;
use crate::schema::Schema;

fn scope() -> Scope {
    let primary = json!({"type": "object", "required": ["spec"], "properties": {"spec": {
        "type": "object", "required": ["name", "tags"],
        "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    }}});
    let mut scope = Scope::new(&Schema::parse(&primary).unwrap(), true);
    let secret = kinds::lookup("v1", "Secret").unwrap().schema;
    let secrets = |count| Objects { schema: Some(&secret), namespaced: true, secret: true, count };
    scope.add_child("auth", secrets(Count::One));
    scope.add_child("users", secrets(Count::Map));
    scope.add_read("peers", secrets(Count::List));
    scope.add_read("given", secrets(Count::Optional));
    scope.add_written("auth", ["user".to_owned()].into());
    let config = kinds::lookup("v1", "ConfigMap").unwrap().schema;
    scope.add_child("config", Objects { schema: Some(&config), namespaced: true, secret: false, count: Count::One });
    let token = check("default(reads.given.stringData.token, '')", "", &scope, Place::Value(None)).unwrap();
    scope.add_var("token", &token);
    scope.add_text_var("url", token.secrecy, Default::default());
    scope.add_input("size", &Arc::new(Schema::parse(&json!({"type": "integer"})).unwrap()));
    scope
}

/// `$` is a value of a Secret, text that can be computed with.
const SECRET: &str = "default(children.auth.stringData.a, '')";

const SOUND: [&str; 29] = [
    "spec.name",
    "children.config.data.a",
    "children.auth.metadata.name",
    "children.auth.metadata.uid + children.auth.kind",
    "children.auth.type",
    "has(children.auth.data.password)",
    "has(children.auth.stringData) ? 'given' : 'none'",
    "has(children.auth.data) && 'password' in children.auth.data",
    "reads.?given.?stringData.?password.hasValue()",
    "reads.?given.hasValue()",
    "contentDigest(children.auth)",
    "contentDigest(children.config) + contentDigest(children.auth)",
    "reveal($)",
    "reveal($) + spec.name",
    "reveal(string(children.auth.data.user))",
    "'redis://' + reveal(string(default(reads.given.data.user, b'')))",
    "base64.encode(reveal(default(reads.given.data.ca, b'')))",
    "children.auth.?data.?user.hasValue()",
    "reveal(vars.token)",
    "'admin' in children.users",
    "children.users.map(key, key)",
    "children.users.transformList(key, user, user.metadata.name)",
    "reads.peers.map(peer, peer.metadata.name)",
    "reads.peers.filter(peer, peer.metadata.name != 'a').map(peer, peer.metadata.name)",
    "reads.peers.all(peer, has(peer.data.ca))",
    "reads.peers[?0].?metadata.?name.orValue('')",
    "has(children.auth.data) && children.auth.data.all(key, key != '')",
    "cel.bind(auth, children.auth, auth.metadata.name)",
    "spec.tags.map(auth, auth)",
];

const LEAKY: [&str; 45] = [
    "$",
    "children.auth.data.password",
    "children.auth.data['password']",
    "children.auth.data[spec.name]",
    "object.spec.name + $",
    ".children.auth.data",
    "children.auth",
    "children.auth.metadata",
    "children.auth.metadata.annotations['kubectl.kubernetes.io/last-applied-configuration']",
    "children.users",
    "children.users['admin'].data.password",
    "children.users.transformMap(key, user, default(user.stringData, {}))",
    "reads.given.data.password",
    "reads.peers",
    "reads.peers[0].data.ca",
    "reads.peers.map(peer, default(peer.stringData.ca, ''))",
    "reads.peers.filter(peer, default(peer.stringData.ca, '') == 'a').map(peer, peer.metadata.name)",
    "reads.peers.exists(peer, default(peer.stringData.ca, '') == 'a')",
    "vars.token",
    "vars.url",
    "vars.token + spec.name",
    "size($)",
    "string(children.auth.data.user)",
    "base64.encode(children.auth.data.user)",
    "size(children.auth.data.user) > 8",
    "children.auth.data.user == b'a'",
    "'redis://' + string(default(reads.given.data.user, b''))",
    "reads.?given.?data.?ca.optMap(ca, base64.encode(ca)).orValue('')",
    "has(children.auth.data) ? children.auth.data.transformList(key, value, string(value)) : []",
    "reads.peers.map(peer, string(default(peer.data.ca, b'')))",
    "$.startsWith('a')",
    "$ == spec.name",
    "$ == 'a' ? 'yes' : 'no'",
    "$ in spec.tags",
    "spec.tags.exists(tag, tag == $)",
    "spec.tags.filter(tag, tag == $)",
    "$.split(',').map(part, 1).size()",
    "cel.bind(a, $, a + 'x')",
    "optional.of($).orValue('')",
    "optional.ofNonZeroValue($).hasValue()",
    "{'a': $}.map(key, key)",
    "[children.auth].map(one, default(one.stringData.a, ''))",
    "contentDigest({'data': $})",
    "reveal(spec.name) + $",
    "randomAlphanumeric(8)",
];

/// The sources that are not as they should be, with what they are.
fn unlike(sources: &[&str], open: bool) -> Vec<String> {
    let scope = scope();
    let sources = sources.iter().map(|source| source.replace('$', SECRET));
    let unlike = sources.filter_map(|source| match check(&source, "", &scope, Place::Value(None)) {
        Ok(checked) if (checked.secrecy == Secrecy::Open) == open => None,
        Ok(checked) => Some(format!("{source} is {:?}", checked.secrecy)),
        Err(problems) => Some(format!("{source}: {}", problems[0])),
    });
    unlike.collect()
}

#[test]
fn what_is_no_secret_may_be_shown() {
    assert_eq!(unlike(&SOUND, true), Vec::<String>::new());
}

#[test]
fn every_leak_is_found() {
    assert_eq!(unlike(&LEAKY, false), Vec::<String>::new());
}

#[test]
fn the_place_of_a_leak_is_the_path() {
    let checked =
        check("spec.name + default(children.auth.stringData.a, '')", "", &scope(), Place::Value(None)).unwrap();
    let range = checked.sources.secret.unwrap();
    assert_eq!(&checked.source[range], "children.auth.stringData.a");
    let revealed = check("reveal(vars.token) + vars.url", "", &scope(), Place::Value(None)).unwrap();
    assert_eq!(&revealed.source[revealed.sources.secret.unwrap()], "vars.url");
}

#[test]
fn nested_macros_are_followed_in_bounded_time() {
    let mut source = "vars.token".to_owned();
    for level in 0..40 {
        source = format!("spec.tags.map(a{level}, {source})");
    }
    assert_eq!(unlike(&[&source], false), Vec::<String>::new());
}
