//! What is to be said of a key by its path, through the project's own tables and on into the fields of Kubernetes' kinds.

use super::Step;
use super::keys::{Spot, of_document};
use crate::schema::{Rest, Shape};
use crate::table::{Explained, Line, NoSuchKey, Table, explain as of_tables};

/// Explains a key by its path, whose parts are keys: `spec.crds.operatorBox.onReconcile.deployments.resources.limits`. Items of
/// lists and names in maps are left out.
///
/// # Errors
/// The first part that nobody has.
pub fn explain(document: &'static Table, path: &str) -> Result<Explained, NoSuchKey> {
    let own = of_tables(document, path);
    let mut spots = vec![of_document(document)];
    let mut reached = String::new();
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let inside: Vec<Spot> = spots.iter().flat_map(Spot::inside).collect();
        let step = Step::Key(part.to_owned());
        let next: Vec<Spot> = inside.iter().flat_map(|spot| spot.step(&step, &|| None)).collect();
        if next.is_empty() {
            // Where the fields are Kubernetes', the tables could only say that they have no more.
            return match inside.iter().find_map(Spot::fields) {
                Some(known) => Err(NoSuchKey::of_field(&reached, part, known)),
                None => own,
            };
        }
        reached = part.to_owned();
        spots = next;
    }
    let Some(Spot::Schema { schema, .. }) = spots.first() else { return own };
    let said = spots.first().and_then(Spot::said);
    let inside: Vec<Spot> = spots.iter().flat_map(Spot::inside).collect();
    let line = |word: super::KeyWord| Line {
        key: word.key,
        takes: word.takes,
        need: if word.required { "required".to_owned() } else { String::new() },
        doc: first_sentence(&word.doc),
    };
    let mut keys: Vec<Line> = Vec::new();
    // Two ways may lead to one place: a list, and a map.
    for line in inside.iter().flat_map(Spot::keys).map(line) {
        if !keys.iter().any(|known| known.key == line.key) {
            keys.push(line);
        }
    }
    let open = matches!(&schema.shape, Shape::Object(object) if object.rest != Rest::Nothing);
    let doc = said.or_else(|| own.as_ref().ok().map(|own| own.doc.clone()));
    Ok(Explained {
        path: path.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."),
        takes: schema.describe(),
        doc: doc.unwrap_or_else(|| "As Kubernetes has it.".to_owned()),
        keys,
        others: open.then(|| "any name".to_owned()),
    })
}

/// Kubernetes' own words are long; in a list the first sentence has to do.
fn first_sentence(doc: &str) -> String {
    let end = doc.match_indices(". ").map(|(at, _)| at + 1).next();
    end.and_then(|end| doc.get(..end)).unwrap_or(doc).replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KATALOG;

    fn of(path: &str) -> Result<Explained, NoSuchKey> {
        explain(&KATALOG, &format!("spec.crds.operatorBox.onReconcile.{path}"))
    }

    #[test]
    fn paths_go_on_into_the_fields_of_kubernetes() {
        let strategy = of("deployments.strategy.rollingUpdate.maxSurge").unwrap();
        assert!(strategy.doc.contains("maximum number of pods"), "{strategy:?}");
        assert_eq!(strategy.path, "spec.crds.operatorBox.onReconcile.deployments.strategy.rollingUpdate.maxSurge");
        // A key of the short form that stands for a field of the container, through a list.
        let env = of("deployments.env.valueFrom").unwrap();
        assert!(env.keys.iter().any(|line| line.key == "secretKeyRef" && !line.doc.is_empty()), "{env:?}");
        let ports = of("services.ports").unwrap();
        assert_eq!(ports.keys.iter().filter(|line| line.key == "targetPort").count(), 1);
        assert!(ports.keys.iter().any(|line| line.key == "targetPort"), "{ports:?}");
        // Our own keys are as they were.
        let workers = explain(&KATALOG, "spec.crds.workers").unwrap();
        assert_eq!(workers, of_tables(&KATALOG, "spec.crds.workers").unwrap());
    }

    #[test]
    fn a_field_that_kubernetes_does_not_have_is_told_with_the_nearest() {
        let wrong = of("deployments.strategy.rollingUpdat").unwrap_err();
        assert_eq!(wrong.nearest.as_deref(), Some("rollingUpdate"), "{wrong:?}");
        assert_eq!(wrong.to_string(), "`strategy` has no key `rollingUpdat`");
        assert!(of("deployments.replicas.more").is_err());
        assert!(of("deployments.replica").unwrap_err().nearest.is_some());
    }
}
