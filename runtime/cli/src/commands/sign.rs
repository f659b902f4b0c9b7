//! `ork sign` and `ork generate key`: signatures that cosign accepts.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use orkestra_artifact::pull;
use orkestra_artifact::signature::{MAX_KEY_FILE, Password, SecretKey, SignOptions, sign};

use crate::args::{Key, Sign};
use crate::error::Error;
use crate::output::Output;
use crate::pattern_dir::{read_up_to, shown};
use crate::transport;

pub(crate) fn run(args: &Sign, output: &Output) -> Result<(), Error> {
    let text = text_of(&args.key)?;
    let refused = |source| Error::Key { path: args.key.clone(), source };
    let key = SecretKey::from_pem(&text, Password(&password()?)).map_err(refused)?;
    let client = transport::client(&args.transport)?;
    let (reference, signed) = transport::run(async {
        let pulled = pull(&client, &args.reference).await?;
        let options = SignOptions::default();
        let signed = sign(&client, &pulled.reference.repository, &pulled.fetched, &options, &key).await;
        let signed = signed.map_err(|error| Error::Signature { reason: error.reason(), source: error.into() })?;
        Ok((pulled.reference, signed))
    })?;
    output.done("Signed", format_args!("{reference}, with key {}", key.public().fingerprint()));
    output.data(&format!("{}@{}\n", reference.repository, signed.manifest))
}

pub(crate) fn generate(args: &Key, output: &Output) -> Result<(), Error> {
    let password = password()?;
    let ending = |ending: &str| {
        let mut path = args.output.clone().into_os_string();
        path.push(ending);
        PathBuf::from(path)
    };
    let (private, public) = (ending(".key"), ending(".pub"));
    let refused = |source| Error::Key { path: private.clone(), source };
    let key = SecretKey::generate().map_err(refused)?;
    write_new(&private, 0o600, &key.to_pem(Password(&password)).map_err(refused)?)?;
    write_new(&public, 0o644, &key.public().to_pem())?;
    output.done("Generated", format_args!("{} and {}", shown(&private), shown(&public)));
    output.data(&format!("{}\n", key.public().fingerprint()))
}

/// A key that is replaced is a key that is lost.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

/// The text of a key file.
pub(super) fn text_of(path: &Path) -> Result<String, Error> {
    let bytes = read_up_to(path, MAX_KEY_FILE)?;
    String::from_utf8(bytes).map_err(|_| Error::Unusable {
        problem: format!("`{}` is not a key: it is no text", shown(path)),
        hint: Some("a key file is PEM, as `ork generate key` writes it".to_owned()),
    })
}

fn password() -> Result<Vec<u8>, Error> {
    use std::os::unix::ffi::OsStringExt as _;
    std::env::var_os("COSIGN_PASSWORD").map(std::ffi::OsString::into_vec).ok_or_else(|| Error::Unusable {
        problem: "the password of the key is not given".to_owned(),
        hint: Some(
            "put it into the variable COSIGN_PASSWORD; an empty one is possible, and as good as none".to_owned(),
        ),
    })
}
