// SPDX-License-Identifier: MIT OR Apache-2.0
//! Writing answers: to stdout, and nothing but what was asked for.

use std::io::{self, IsTerminal, Write};

use kbuild_guard::present::text::Colour;

use crate::options::ColourChoice;

/// Writes text. A reader that has gone away (`| head`) is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        answer => answer,
    }
}

/// Says what went wrong, on stderr.
pub(crate) fn complain(text: &str) {
    say(&format!("kbuild-guard: {text}\n"));
}

/// Writes a whole message to stderr. A stderr that nobody reads is no reason to fail.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Whether to colour: the option, else NO_COLOR (no-color.org), TERM and what stdout is.
pub(crate) fn colour(choice: ColourChoice) -> Colour {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    match choice {
        ColourChoice::Always => Colour::Always,
        ColourChoice::Auto if io::stdout().is_terminal() && !set("NO_COLOR") && !is_dumb => Colour::Always,
        ColourChoice::Auto | ColourChoice::Never => Colour::Never,
    }
}
