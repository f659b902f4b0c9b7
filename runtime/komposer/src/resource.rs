//! A Komposer as an object of a cluster: what a file may say and an object may not.

use orkestra_pattern::diagnostic::{Diagnostic, Diagnostics};

use crate::{Import, Komposer, Located, codes};

impl Komposer {
    /// One diagnostic for each thing that only a file can say: patterns and keys that lie beside it, and variables of the machine that
    /// reads it. Whoever may write a Komposer into a cluster must not read the runtime's files and environment by it.
    pub fn as_resource(&self) -> Diagnostics {
        let mut problems = Diagnostics::default();
        self.imports.iter().for_each(|import| of_import(import, &mut problems));
        for key in self.trust.iter().flat_map(|trust| &trust.keys).filter(|key| key.path().is_some()) {
            let problem =
                Diagnostic::new(&codes::RESOURCE, key.span, "a Komposer in the cluster names a key by its file");
            problems.push(problem.hint("write the PEM text of the key in its place"));
        }
        problems.sort();
        problems
    }
}

fn of_import(import: &Import, problems: &mut Diagnostics) {
    match &import.located {
        Located::File { path } => {
            let message = format!("a Komposer in the cluster imports the directory `{path}`");
            let problem = Diagnostic::new(&codes::RESOURCE, import.span, message);
            problems.push(problem.hint("`ork push` the pattern to a registry, and import it from there"));
        }
        Located::Registry { auth: Some(_), .. } => {
            let message = "a Komposer in the cluster takes credentials from environment variables";
            let problem = Diagnostic::new(&codes::RESOURCE, import.span, message);
            problems.push(
                problem
                    .hint("remove `auth`: the runtime's own credentials are mounted where `docker login` keeps them"),
            );
        }
        Located::Registry { auth: None, .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use orkestra_pattern::source::Source;

    use crate::parse;

    #[test]
    fn what_lies_beside_a_file_is_not_beside_an_object() {
        let text = |imports: &str| {
            format!(
                "apiVersion: orkestra.orkspace.io/v1\nkind: Komposer\nmetadata: {{name: platform}}\nimports:\n{imports}"
            )
        };
        let lines = |imports: &str| -> Vec<u32> {
            let source = Source::new().with("komposer.yaml", text(imports).as_bytes());
            let file = source.find("komposer.yaml").unwrap();
            let (komposer, problems) = parse(&source, file);
            assert!(!problems.has_errors(), "{imports}");
            let problems = komposer.unwrap().as_resource();
            assert!(problems.iter().all(|problem| problem.code.id == "K1113"));
            let file = source.file(file).unwrap();
            problems.iter().map(|problem| file.position(problem.span.unwrap().start).line).collect()
        };
        assert_eq!(lines("  files:\n    - ./shop\n    - {path: ./web}\n"), [6, 7]);
        let registry = "  registry:\n    - url: r.corp/a/b:v1.0.0\n";
        assert_eq!(lines(&format!("{registry}      auth: {{type: bearer, fromEnv: ORK_REGISTRY_A}}\n")), [6]);
        let trust = |key: &str| format!("{registry}  trust:\n    - pattern: r.corp/**\n      keys:\n        - {key}\n");
        assert_eq!(lines(&trust("./key.pub")), [10]);
        // The twin: the same, as an object can say it.
        let pem = "|\n          -----BEGIN PUBLIC KEY-----\n          AAAA\n          -----END PUBLIC KEY-----";
        assert_eq!(lines(&trust(pem)), [0; 0]);
    }
}
