//! What is seen while bytes move: bars on a terminal, a line for each file in a pipe, nothing with `--quiet`. Never on stdout.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::sync::Mutex;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use orkestra_artifact::{Digest, Progress};

use crate::output::{Output, brief, grouped};

/// Below it a bar would be gone before it is seen.
const WORTH_A_BAR: u64 = 64 << 10;
const TEMPLATE: &str = "  {msg:32!} {bar:24} {bytes:>10} of {total_bytes}";

/// One command's transfers.
pub(crate) enum Transfers<'a> {
    Silent,
    Lines(&'a Output),
    Bars { screen: MultiProgress, style: ProgressStyle, bars: Mutex<BTreeMap<Digest, ProgressBar>> },
}

impl<'a> Transfers<'a> {
    pub(crate) fn new(output: &'a Output) -> Self {
        if output.quiet() {
            return Self::Silent;
        }
        match ProgressStyle::with_template(TEMPLATE) {
            // Bars are drawn with the terminal's control sequences, as colours are.
            Ok(style) if std::io::stderr().is_terminal() && output.stderr_colored() => Self::Bars {
                screen: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
                style: style.progress_chars("━╸ "),
                bars: Mutex::default(),
            },
            _ => Self::Lines(output),
        }
    }
}

impl Progress for Transfers<'_> {
    fn begin(&self, what: &str, digest: &Digest, size: u64) {
        match self {
            Self::Silent => {}
            Self::Lines(output) => output.note(format_args!("  {}, {} bytes", brief(what), grouped(size))),
            Self::Bars { screen, style, bars } => {
                if size < WORTH_A_BAR {
                    return;
                }
                let bar = screen.add(ProgressBar::new(size).with_style(style.clone()));
                bar.set_message(brief(what).into_owned());
                if let Ok(mut bars) = bars.lock() {
                    bars.insert(*digest, bar);
                }
            }
        }
    }

    fn moved(&self, digest: &Digest, bytes: u64) {
        if let Self::Bars { bars, .. } = self
            && let Ok(bars) = bars.lock()
            && let Some(bar) = bars.get(digest)
        {
            bar.inc(bytes);
        }
    }

    fn end(&self, digest: &Digest) {
        if let Self::Bars { bars, .. } = self
            && let Ok(mut bars) = bars.lock()
            && let Some(bar) = bars.remove(digest)
        {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Transfers<'_> {
    /// What failed is told below a screen without bars.
    fn drop(&mut self) {
        if let Self::Bars { screen, .. } = self {
            let _ = screen.clear();
        }
    }
}
