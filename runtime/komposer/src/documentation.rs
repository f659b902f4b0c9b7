//! The `komposer.yaml` of a pattern: an example that a user copies. It must not carry over what is the user's to decide.

use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};
use orkestra_pattern::eras;
use orkestra_pattern::source::{FileId, Source};
use orkestra_pattern::yaml::{self, Key, Node};

use crate::codes;

/// Reports `trust`, `grants` and `auth` in a pattern's own Komposer, whatever they hold. Other problems are for
/// [`parse()`](crate::parse()) to tell.
pub fn documentation(source: &Source, file: FileId) -> Diagnostics {
    let (documents, _) = yaml::parse(source, file, yaml::Bounds::default());
    let today = |root| eras::komposer(source, root, &mut Diagnostics::default());
    let documents: Vec<Node> = documents.into_iter().map(today).collect();
    let mut problems = Diagnostics::default();
    for imports in documents.iter().filter_map(|root| root.get("imports")) {
        refuse(imports, &["trust"], &mut problems);
        for list in ["registry", "oci", "files"] {
            for import in imports.get(list).and_then(Node::items).unwrap_or_default() {
                refuse(import, &["grants", "auth"], &mut problems);
            }
        }
    }
    problems
}

fn refuse(node: &Node, keys: &[&str], problems: &mut Diagnostics) {
    let members = node.members().unwrap_or_default();
    for (Key { text, span }, _) in members.iter().filter(|(key, _)| keys.contains(&key.text.as_str())) {
        let problem =
            Diagnostic::new(&codes::DOCUMENTATION, *span, format!("a pattern's example does not say `{text}`"));
        let problem = problem.hint(format!("remove `{text}`, which is its user's to decide"));
        // A line with credentials may hold a secret.
        problems.push(if text == "auth" { problem.withheld() } else { problem });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {name: shop}\n";

    /// The lines of what is refused.
    fn lines(text: &str) -> Vec<u32> {
        let source = Source::new().with("komposer.yaml", format!("{HEAD}{text}").as_bytes());
        let problems = documentation(&source, source.find("komposer.yaml").unwrap());
        assert!(problems.iter().all(|problem| problem.code.id == "K1112"));
        let file = source.file(source.find("komposer.yaml").unwrap()).unwrap();
        problems.iter().map(|problem| file.position(problem.span.unwrap().start).line).collect()
    }

    #[test]
    fn an_example_leaves_to_its_user_what_is_its_users() {
        let all = "imports:\n  trust:\n    - {pattern: a/**, keys: [a.pub]}\n  registry:\n    - url: r.corp/a/b:v1\n      auth: {type: bearer, fromEnv: ORK_REGISTRY_A}\n      grants: []\n";
        assert_eq!(lines(all), [5, 9, 10]);
        assert_eq!(lines("sources:\n  files:\n    - path: .\n      grants: [http]\n"), [7]);
        assert_eq!(lines("imports: {oci: [{ref: r.corp/a/b:v1, auth: {}}]}\n"), [4]);
        let example = "imports: {files: [{path: ., with: {auth: x, grants: y}, groups: [a.example]}]}\nspec: {crds: {shop: {workers: 2}}}\n";
        assert_eq!(lines(example), [0; 0], "an input may be called so");
        assert_eq!(lines("imports: ["), [0; 0], "that it is broken is told elsewhere");
    }
}
