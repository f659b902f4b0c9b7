//! The proof that a component is its YAML: what was pulled is compiled again, and the bytes are compared.
//!
//! The YAML is a stranger's, so it is parsed, checked and compiled in a confined child, like native code is generated in one. What
//! the child answers is bounded and is foreign text until it is escaped.

mod child;
mod claims;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use orkestra_artifact::{Config, Contents, Role};
use orkestra_pattern::cel::{DEEP_STACK, on_this_stack};
use orkestra_sandbox::confined::{self, Bounds};

use crate::error::Error;
use crate::output::{brief, count};
use crate::package::BUILDER;
use crate::sandbox::this_program;
use wire::{Built, Reply};

/// The hidden subcommand that the child is started with.
pub(crate) const CHILD: &str = "internal-rebuild";

/// The largest pattern that the language takes compiles in a second or two.
const BOUNDS: Bounds = Bounds {
    patience: Duration::from_secs(120),
    processor: Duration::from_secs(30),
    memory: 2 << 30,
    // Expressions are checked on the one thread that there is; the rest is for everything else.
    stack: DEEP_STACK as u64 + (16 << 20),
    answer: wire::MAX_REPLY,
};

/// How a component compares with what its YAML gives here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rebuilt {
    /// It is its YAML, byte for byte.
    Same,
    /// It was built by another `ork`, or for another engine, so that other bytes prove nothing. What this `ork` makes of
    /// the same YAML is what may run.
    OtherBuilder {
        /// Who built it, as its config says: foreign text.
        theirs: String,
        /// Whether it imports the engine of this `ork`.
        engine_fits: bool,
    },
}

/// Why a pulled pattern has no proof.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("the component is not what its katalog.yaml says: {what}")]
    NotItsYaml { what: String },
    #[error("the config is not what the files of the pattern say: {what}")]
    NotItsConfig { what: String },
    #[error("the component needs an engine that this {BUILDER} does not have; it was built by {}", brief(theirs))]
    EngineMismatch { theirs: String },
    #[error("the component was built by {}, and this is {BUILDER}: that bytes differ proves nothing", brief(theirs))]
    OtherBuilder { theirs: String },
    #[error("{} in the files of the pattern\n\n{text}", count(*.errors, "error"))]
    NotAPattern { errors: usize, text: String },
    #[error("the pattern cannot be compiled: {0}")]
    NotCompiled(String),
    #[error("it has no {0}")]
    Missing(Role),
    #[error("it was not compiled")]
    Child(#[source] confined::Error),
    #[error("the child that compiles answered with something else")]
    BadReply,
}

impl Refused {
    /// The word for this in messages, for machines.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::NotItsYaml { .. } => "NotItsYaml",
            Self::NotItsConfig { .. } => "NotItsConfig",
            Self::EngineMismatch { .. } => "EngineMismatch",
            Self::OtherBuilder { .. } => "OtherBuilder",
            Self::NotAPattern { .. } => "NotAPattern",
            Self::NotCompiled(_) => "NotCompiled",
            Self::Missing(_) => "MissingLayer",
            Self::Child(error) => error.reason(),
            Self::BadReply => "BadReply",
        }
    }

    /// The exit status, as [`Error::exit`] has it.
    pub(crate) fn exit(&self) -> u8 {
        match self {
            // A pattern can make the child use up its memory or time: that is the pattern's fault.
            Self::Child(confined::Error::NoAnswer { .. } | confined::Error::TooSlow { .. }) => 1,
            Self::Child(_) | Self::BadReply => 3,
            _ => 1,
        }
    }

    /// What to do.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NotItsYaml { .. } => Some(format!(
                "do not run it: whoever built it changed the component, or used a development build of {BUILDER}"
            )),
            Self::NotItsConfig { .. } => Some("do not trust it: a policy would decide on what is not true".to_owned()),
            Self::EngineMismatch { .. } => Some(
                "`ork lock` names this ork's own build of the same YAML, and that runs; or use the ork that built it"
                    .to_owned(),
            ),
            Self::OtherBuilder { .. } => Some(
                "`ork lock` names this ork's own build of the same YAML; or verify with the ork that built it"
                    .to_owned(),
            ),
            Self::NotAPattern { .. } | Self::NotCompiled(_) => Some(
                "a later ork may know a later language: see `builder` in its config, and `ork --version`".to_owned(),
            ),
            _ => None,
        }
    }
}

impl Rebuilt {
    /// For whoever asks for a proof and nothing less.
    ///
    /// # Errors
    /// [`Refused::EngineMismatch`] and [`Refused::OtherBuilder`].
    pub(crate) fn proven(self) -> Result<(), Refused> {
        match self {
            Self::Same => Ok(()),
            Self::OtherBuilder { theirs, engine_fits: false } => Err(Refused::EngineMismatch { theirs }),
            Self::OtherBuilder { theirs, .. } => Err(Refused::OtherBuilder { theirs }),
        }
    }
}

/// Compiles a pulled pattern again, and compares its component and its config with that.
///
/// # Errors
/// [`Refused::NotItsYaml`] and [`Refused::NotItsConfig`] where they differ and this very `ork` is said to have built them; and where
/// the files are no pattern that this `ork` takes, or there is no child. Hooks are not looked at: no rebuild proves them.
pub(crate) fn compare(config: &Config, contents: &Contents) -> Result<Rebuilt, Error> {
    let component = contents.get(&Role::Component).ok_or(Refused::Missing(Role::Component))?;
    let built = build(contents)?;
    let hooks = contents.contains_key(&Role::Hooks);
    if let Some(what) = claims::difference(config, &built, hooks) {
        return Err(Refused::NotItsConfig { what }.into());
    }
    if built.component == *component {
        return Ok(Rebuilt::Same);
    }
    let engine_fits =
        built.theirs.as_ref().is_ok_and(|theirs| theirs.engine == orkestra_component::engine().import_name);
    // One that is no declarative component at all is not another engine's: this ork would have built one.
    let our_engine = engine_fits || built.theirs.is_err();
    if config.builder == BUILDER && our_engine {
        let what = match &built.theirs {
            Err(problem) => problem.clone(),
            Ok(_) => {
                let offset = built.component.iter().zip(component).take_while(|(ours, theirs)| ours == theirs).count();
                format!("it differs from byte {offset} on")
            }
        };
        return Err(Refused::NotItsYaml { what }.into());
    }
    Ok(Rebuilt::OtherBuilder { theirs: config.builder.clone(), engine_fits })
}

/// The whole life of the child.
pub(crate) fn child_main() -> ExitCode {
    confined::main(&BOUNDS, |request| on_this_stack(|| child::answer(request)).to_bytes())
}

fn build(contents: &Contents) -> Result<Built, Error> {
    let program = this_program(CHILD)?;
    let request = wire::request(contents);
    let answer = confined::run(&program, &[&request], &BOUNDS).map_err(Refused::Child)?;
    match Reply::from_bytes(&answer.bytes).ok_or(Refused::BadReply)? {
        Reply::Built(built) => Ok(*built),
        Reply::Problems { errors, text } => Err(Refused::NotAPattern { errors, text }.into()),
        Reply::Failed(why) => Err(Refused::NotCompiled(why).into()),
    }
}
