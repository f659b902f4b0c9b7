//! What can be typed to learn the keys of documents.

use clap::Args as Group;

use super::TextOrJson;

/// Explain the keys of a document
///
/// Says of a key what may stand there, what it does, and which keys are below it. Items of lists and names in maps are left out
/// of the path. As JSON it is the JSON Schema of the document, for editors; it is made from the same tables. Without a kind, the
/// kinds are listed.
#[derive(Debug, Group)]
#[command(after_help = "\
Examples:
  ork schema                                               the kinds
  ork schema katalog                                       the top of a Katalog
  ork schema katalog.spec.crds.operatorBox.reads
  ork schema komposer.imports.registry
  ork schema katalog --format json > katalog.schema.json

Editors with yaml-language-server use that where the first line of katalog.yaml is
# yaml-language-server: $schema=katalog.schema.json")]
pub(crate) struct Schema {
    /// Katalog, Komposer, KomposerLock, Policy or Case, perhaps with the path of a key [default: list the kinds]
    #[arg(value_name = "KIND[.PATH]")]
    pub(crate) what: Option<String>,
    /// How to print; as JSON, of the whole document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) format: TextOrJson,
}
