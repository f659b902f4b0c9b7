//! `ork login` and `ork logout`: passwords of registries, where Docker's clients keep them.

use std::io::{BufRead as _, Read as _};
use std::path::PathBuf;

use orkestra_artifact::credentials::{Credential, Credentials, Helpers, KeptIn, Secret, login, logout};

use crate::args::{Login, Logout};
use crate::error::Error;
use crate::output::{Output, escape};
use crate::transport;

/// The longest name or password, in bytes. Tokens are a few thousand long.
const MAX_INPUT: u64 = 64 << 10;

pub(crate) fn run(args: &Login, output: &Output) -> Result<(), Error> {
    let registry = &args.registry;
    let path = config()?;
    let username = username(args, output)?;
    let password = Secret::new(password(args, output)?);
    let credential = Credential::Basic { username: username.clone(), password: password.clone() };
    let client =
        transport::client_with(&args.transport, Credentials::default().with(registry, credential), Vec::new())?;
    let (asked, kept) = transport::run(async {
        // What the registry does not take is not kept.
        let asked = client.try_credentials(registry).await?;
        Ok((asked, login(&path, &Helpers::default(), registry, &username, &password).await?))
    })?;
    if !asked {
        output.warning(format_args!("{registry} asks nobody for a password, so yours was not tried"));
    }
    match kept {
        KeptIn::Helper(helper) => {
            output.done("Logged in", format_args!("to {registry}; the helper `{}` keeps it", escape(&helper)));
        }
        KeptIn::File => {
            output.done("Logged in", format_args!("to {registry}; kept in {}", path.display()));
            output.note(
                "whoever can read that file can read the password: `credsStore` in it names a helper that hides it",
            );
        }
    }
    Ok(())
}

pub(crate) fn out(args: &Logout, output: &Output) -> Result<(), Error> {
    let path = config()?;
    transport::run(async { Ok(logout(&path, &Helpers::default(), &args.registry).await?) })?;
    output.done("Logged out", format_args!("of {}", args.registry));
    Ok(())
}

fn config() -> Result<PathBuf, Error> {
    let missing = "there is no place for passwords: neither DOCKER_CONFIG nor HOME is set";
    transport::docker_config().ok_or_else(|| unusable(missing, "set HOME"))
}

fn username(args: &Login, output: &Output) -> Result<String, Error> {
    let name = match &args.user {
        Some(name) => name.clone(),
        None if output.interactive() && !args.password_stdin => {
            output.ask(format_args!("Name for {}: ", args.registry));
            let mut line = String::new();
            let failed = |source| Error::Machine { what: "to read from stdin", source };
            std::io::stdin().lock().take(MAX_INPUT).read_line(&mut line).map_err(failed)?;
            line.trim_end_matches(['\n', '\r']).to_owned()
        }
        None => return Err(unusable("no name is given, and nobody can be asked", "say --user NAME")),
    };
    match name.is_empty() || name.contains([':', '\n', '\0']) {
        // The colon is what ends a name where both are sent.
        true => Err(unusable("this cannot be a name: it is empty, or has a colon or a line break", "say --user NAME")),
        false => Ok(name),
    }
}

/// From stdin or a terminal, and never from the command line, which everybody on the machine can read.
fn password(args: &Login, output: &Output) -> Result<String, Error> {
    let failed = |source| Error::Machine { what: "to read the password", source };
    let text = if args.password_stdin {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(MAX_INPUT + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_INPUT {
            return Err(unusable(
                "what comes from stdin is too long for a password",
                "give the password and nothing else",
            ));
        }
        String::from_utf8(bytes)
            .map_err(|_| unusable("the password is no text", "give the password and nothing else"))?
    } else if output.interactive() {
        output.ask(format_args!("Password for {}: ", args.registry));
        rpassword::read_password().map_err(failed)?
    } else {
        return Err(unusable("no password is given, and nobody can be asked", "say --password-stdin"));
    };
    let password = text.trim_end_matches(['\n', '\r']);
    match password.is_empty() {
        true => Err(unusable("the password is empty", "give the password and nothing else")),
        false => Ok(password.to_owned()),
    }
}

fn unusable(problem: &str, hint: &str) -> Error {
    Error::Unusable { problem: problem.to_owned(), hint: Some(hint.to_owned()) }
}
