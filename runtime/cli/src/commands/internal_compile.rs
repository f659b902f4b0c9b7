//! `ork internal-compile`: the sandbox's compile child. It limits itself before it reads the component.

use crate::error::Error;

pub(crate) fn run() -> Result<(), Error> {
    Err(Error::Silent)
}
