//! The files that a Komposer is run with, as a ConfigMap carries them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use orkestra_artifact::Digest;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::pattern_dir::shown;

/// The most bytes of all that a ConfigMap holds.
const MOST: usize = 1 << 20;

/// Files by their path below the directory that the ConfigMap is mounted at.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    files: BTreeMap<PathBuf, Vec<u8>>,
}

impl Carried {
    /// Takes a file along. `path` is as the Komposer or the policy writes it.
    ///
    /// # Errors
    /// The path leaves the directory, or another file has it.
    pub(crate) fn add(&mut self, path: &Path, bytes: Vec<u8>) -> Result<(), Error> {
        let path = inside(path)?;
        match self.files.insert(path.clone(), bytes) {
            Some(before) if self.files.get(&path) != Some(&before) => Err(Error::Unusable {
                problem: format!("two files are `{}` where the runtime looks for them", shown(&path)),
                hint: Some(
                    "paths in a policy are looked for beside the Komposer; give one of them another name".to_owned(),
                ),
            }),
            _ => Ok(()),
        }
    }

    /// Whether there is such a file.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.files.contains_key(Path::new(path))
    }

    /// `data` and `binaryData` of the ConfigMap, and the `items` of its volume where a file lies in a directory.
    ///
    /// # Errors
    /// It is more than a ConfigMap holds.
    pub(crate) fn config_map(&self) -> Result<(Map<String, Value>, Option<Value>), Error> {
        let size: usize = self.files.iter().map(|(path, bytes)| path.as_os_str().len() + bytes.len()).sum();
        if size > MOST {
            return Err(Error::Unusable {
                problem: format!("TooLarge: the Komposer with its files has {size} bytes, and a ConfigMap takes {MOST}"),
                hint: Some("push patterns that are directories to a registry, those with a hook first, and import them from there".to_owned()),
            });
        }
        let (mut texts, mut binary, mut items) = (Map::new(), Map::new(), Vec::new());
        for (path, bytes) in &self.files {
            let key = key(path);
            items.push(json!({"key": key, "path": path.display().to_string()}));
            match std::str::from_utf8(bytes) {
                Ok(text) => texts.insert(key, text.into()),
                Err(_) => binary.insert(key, STANDARD.encode(bytes).into()),
            };
        }
        let mut contents = Map::new();
        for (name, data) in [("data", texts), ("binaryData", binary)] {
            if !data.is_empty() {
                contents.insert(name.to_owned(), data.into());
            }
        }
        // Where every file lies beside the Komposer, keys are names.
        let flat = self.files.keys().all(|path| path.to_str() == Some(&*key(path)));
        Ok((contents, (!flat).then(|| items.into())))
    }
}

/// The key of a file: its path, where that can be one, else what is left of it with a digest.
fn key(path: &Path) -> String {
    let text = path.display().to_string();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if text.chars().all(allowed) {
        return text;
    }
    let plain: String = text.chars().map(|c| if allowed(c) { c } else { '_' }).take(200).collect();
    let digest = Digest::of(text.as_bytes()).to_string();
    format!("{plain}.{}", digest.rsplit(':').next().unwrap_or_default().get(..8).unwrap_or_default())
}

/// A path that stays below the Komposer's directory, where it can be carried along.
pub(crate) fn inside(path: &Path) -> Result<PathBuf, Error> {
    match path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        true => Ok(path.components().filter(|part| matches!(part, Component::Normal(_))).collect()),
        false => Err(Error::Unusable {
            problem: format!("`{}` leaves the Komposer's directory", shown(path)),
            hint: Some(
                "what is carried along lies below the Komposer: move it there, or push it to a registry".to_owned(),
            ),
        }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_the_komposer_are_keys_and_need_no_items() {
        let mut carried = Carried::default();
        carried.add(Path::new("komposer.yaml"), b"kind: Komposer\n".to_vec()).unwrap();
        carried.add(Path::new("./cosign.pub"), b"key".to_vec()).unwrap();
        let (contents, items) = carried.config_map().unwrap();
        assert_eq!(
            Value::Object(contents),
            json!({"data": {"cosign.pub": "key", "komposer.yaml": "kind: Komposer\n"}})
        );
        assert_eq!(items, None);
    }

    #[test]
    fn a_file_in_a_directory_has_a_key_of_its_own_and_a_path() {
        let mut carried = Carried::default();
        for (path, bytes) in [("a/b.yaml", &b"1"[..]), ("a_b.yaml", b"2"), ("a/hooks.wasm", b"\0asm\xff")] {
            carried.add(Path::new(path), bytes.to_vec()).unwrap();
        }
        let (contents, items) = carried.config_map().unwrap();
        let items = items.unwrap();
        let paths: Vec<&str> = items.as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect();
        assert_eq!(paths, ["a/b.yaml", "a/hooks.wasm", "a_b.yaml"]);
        let keys: std::collections::BTreeSet<&str> =
            items.as_array().unwrap().iter().map(|item| item["key"].as_str().unwrap()).collect();
        assert_eq!(keys.len(), 3, "{keys:?}");
        assert_eq!(contents["binaryData"].as_object().unwrap().len(), 1);
    }

    #[test]
    fn what_leaves_the_directory_or_is_there_twice_is_refused() {
        let mut carried = Carried::default();
        for path in ["../key", "/etc/key", "a/../../key"] {
            let error = carried.add(Path::new(path), Vec::new()).unwrap_err();
            assert!(error.to_string().contains("leaves the Komposer's directory"), "{error}");
        }
        carried.add(Path::new("key"), b"1".to_vec()).unwrap();
        carried.add(Path::new("./key"), b"1".to_vec()).unwrap();
        assert!(carried.add(Path::new("key"), b"2".to_vec()).unwrap_err().to_string().contains("two files are `key`"));
    }

    #[test]
    fn what_no_config_map_holds_is_refused_with_its_size() {
        let mut carried = Carried::default();
        carried.add(Path::new("a"), vec![b'a'; MOST - 1]).unwrap();
        assert!(carried.config_map().is_ok());
        carried.add(Path::new("b"), vec![b'a'; 1]).unwrap();
        let error = carried.config_map().unwrap_err();
        assert!(error.to_string().starts_with("TooLarge: ") && error.hint().is_some(), "{error}");
    }
}
