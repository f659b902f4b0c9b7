//! Convert: changes of converted objects.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Point, Told};
use crate::Error;
use crate::decode::decode;
use crate::host::Current;
use crate::log::Log;
use crate::partial;
#[cfg(target_family = "wasm")]
pub use crate::wasm::bindings::convert as bindings;

/// Changes of converted objects, after the rules of the Katalog.
///
/// ```
/// use orkestra_hook::{Conversion, Convert, Error};
/// use serde::{Deserialize, Serialize};
///
/// struct Schedule;
///
/// /// What it uses of the object as it came.
/// #[derive(Deserialize)]
/// struct Source {
///     spec: SourceSpec,
/// }
///
/// #[derive(Deserialize)]
/// struct SourceSpec {
///     every: Option<String>,
/// }
///
/// /// What it changes of the object as the rules made it. All other fields stay as they are.
/// #[derive(Deserialize, Serialize)]
/// struct Target {
///     spec: TargetSpec,
/// }
///
/// #[derive(Deserialize, Serialize)]
/// struct TargetSpec {
///     #[serde(skip_serializing_if = "Option::is_none")]
///     schedule: Option<String>,
/// }
///
/// impl Convert for Schedule {
///     type Source = Source;
///     type Target = Target;
///
///     fn convert(conversion: &Conversion<Source>, mut target: Target) -> Result<Target, Error> {
///         if let ("v2", Some(every)) = (conversion.version(), conversion.source().spec.every.as_deref()) {
///             target.spec.schedule = Some(match every {
///                 "hour" => "0 * * * *".to_owned(),
///                 "day" => "0 0 * * *".to_owned(),
///                 _ => return Err(Error::failed("spec.every is neither hour nor day")),
///             });
///         }
///         Ok(target)
///     }
/// }
///
/// orkestra_hook::export!(convert = Schedule);
/// ```
pub trait Convert {
    /// The object as it came, whole.
    type Source: DeserializeOwned;

    /// The object as the rules made it: without `apiVersion` and `kind`, and of `metadata` labels and annotations alone. The rest is the
    /// runtime's.
    ///
    /// Fields that the type does not name stay as they are; [`Children::change`](crate::Children::change) says how.
    type Target: DeserializeOwned + Serialize;

    /// Gives the object as it shall be. It is called for each object of a batch, in every direction that the Katalog converts in.
    ///
    /// Nothing can be asked but the log, and it is not part of the proof that `ork check` makes of the rules: that what is converted
    /// comes back is for the hook to see to.
    ///
    /// # Errors
    ///
    /// [`Error::failed`] and [`Error::unavailable`]. None of the objects of the batch is converted then, and who asked for them gets the
    /// message.
    fn convert(conversion: &Conversion<Self::Source>, target: Self::Target) -> Result<Self::Target, Error>;
}

/// One conversion: what a hook is told beside the target.
#[derive(Debug)]
pub struct Conversion<S> {
    entry: String,
    version: String,
    source: S,
    host: Current,
}

impl<S> Conversion<S> {
    /// The entry of the Katalog: the name below `spec.crds`.
    pub fn entry(&self) -> &str {
        &self.entry
    }

    /// The version that is converted to, such as `v2`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The object as it came, in its own version.
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The runtime's log.
    pub fn log(&self) -> Log<'_> {
        Log::new(&self.host)
    }
}

/// The point.
#[derive(Debug)]
pub struct This;

impl Point for This {
    type Told = Batch;
    type Answer = Vec<Vec<u8>>;
}

/// Objects to convert, before they are read as the hook's types.
#[derive(Debug)]
pub struct Batch {
    pub(crate) entry: String,
    pub(crate) version: String,
    pub(crate) objects: Vec<Pair>,
    pub(crate) host: Current,
}

/// An object as it came, and as the rules made it.
#[derive(Debug)]
pub struct Pair {
    pub(crate) source: Vec<u8>,
    pub(crate) target: Vec<u8>,
}

impl Told for Batch {
    fn entry(&self) -> &str {
        &self.entry
    }
}

/// Runs a hook on each object of a batch, in their order.
///
/// # Errors
///
/// Those of the hook, and failed: an object is not of its types, or what it gives is none. They name the object.
pub fn run<H: Convert>(told: Batch) -> Result<Vec<Vec<u8>>, Error> {
    let one = |pair: &Pair| one::<H>(&told, pair).map_err(|error| error.of(&name(&pair.source)));
    told.objects.iter().map(one).collect()
}

fn one<H: Convert>(told: &Batch, pair: &Pair) -> Result<Vec<u8>, Error> {
    // Who reads the message need not be the object's owner, so that serde's words are left out.
    let source = decode(&pair.source).map_err(|error| Error::failed(format!("the object: {error}")))?;
    let (entry, version) = (told.entry.clone(), told.version.clone());
    let conversion = Conversion { entry, version, source, host: told.host.clone() };
    partial::change("the converted object", &pair.target, |target| H::convert(&conversion, target))
}

/// What messages call an object: one of a list fails all of them, and has to be found.
fn name(source: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Named {
        metadata: Metadata,
    }

    #[derive(Deserialize)]
    struct Metadata {
        namespace: Option<String>,
        name: String,
    }

    match decode(source) {
        Ok(Named { metadata: Metadata { namespace: Some(namespace), name } }) => format!("{namespace}/{name}"),
        Ok(Named { metadata: Metadata { namespace: None, name } }) => name,
        // A template of objects has `generateName`, and no name yet.
        Err(_) => "an object without a name".to_owned(),
    }
}
