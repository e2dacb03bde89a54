// SPDX-License-Identifier: MIT OR Apache-2.0
//! Completions for the shells, from the parser.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use kbuild_guard::checks::{self, CATALOGUE};
use kbuild_guard_cli::Options;

use crate::Written;
use crate::error::Result;

const NAME: &str = "kbuild-guard";

/// A file for each shell, named as the shell looks for it.
pub(crate) fn all() -> Result<Vec<Written>> {
    [(Shell::Bash, "bash/kbuild-guard"), (Shell::Zsh, "zsh/_kbuild-guard"), (Shell::Fish, "fish/kbuild-guard.fish")]
        .into_iter()
        .map(|(shell, file)| {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command(), NAME, &mut text);
            let mut text = String::from_utf8(text)?;
            match shell {
                Shell::Fish => text.push_str(&ids_for_fish()),
                // clap_complete 4.6 calls a command with a hyphen in its name by two names (aot/shells/bash.rs), so
                // that nothing would be offered behind a verb.
                Shell::Bash => text = text.replace("kbuild__subcmd__guard", "kbuild__guard"),
                _ => {}
            }
            Ok((Path::new("completions").join(file), text))
        })
        .collect()
}

/// The command as it is offered: a finding's ID can be typed where the parser takes any word.
fn command() -> Command {
    let ids = PossibleValuesParser::new(CATALOGUE.iter().map(|entry| entry.code));
    Options::command().mut_subcommand("explain", |explain| explain.mut_arg("subject", |arg| arg.value_parser(ids)))
}

/// clap offers fish no values of arguments that are no options.
fn ids_for_fish() -> String {
    let offer = |entry: &&checks::Entry| {
        let condition = "__fish_kbuild_guard_using_subcommand explain";
        format!("complete -c {NAME} -n \"{condition}\" -f -a {} -d {}\n", entry.code, quoted_for_fish(entry.title))
    };
    CATALOGUE.iter().map(offer).collect()
}

/// In single quotes fish acts upon nothing but a single quote and a backslash.
fn quoted_for_fish(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_takes_titles_as_they_are() {
        assert_eq!(quoted_for_fish("files of the tree's packages"), r"'files of the tree\'s packages'");
        assert_eq!(quoted_for_fish(r"a\b"), r"'a\\b'");
    }
}
