// SPDX-License-Identifier: MIT OR Apache-2.0
//! The page of the command: one for all verbs, so that everything is found in one place.

use clap::{Command, CommandFactory};
use clap_mangen::Man;
use kbuild_guard_cli::{Options, STATUSES};

use crate::Page;
use crate::document_page::{append, see_also};
use crate::error::Result;
use crate::roff::{Font, Page as Roff};

/// What the parser does not know.
const REST: &str = include_str!("command_page.md");

/// The page.
pub(crate) fn page(page: &Page, date: &str) -> Result<String> {
    let mut command =
        Options::command().disable_help_subcommand(true).override_usage("kbuild-guard [OPTIONS] <COMMAND>");
    command.build();
    let man = Man::new(command.clone());
    let mut roff = Roff::default();
    roff.title(page, date);
    for section in [Man::render_name_section, Man::render_synopsis_section, Man::render_description_section] {
        roff.source_of(&rendered(|out| section(&man, out))?);
    }
    roff.call("SH", &["COMMANDS"]);
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        self::verb(&mut roff, verb)?;
    }
    roff.source_of(&rendered(|out| man.render_options_section(out))?);
    roff.call("SH", &["EXIT STATUS"]);
    for (status, meaning) in STATUSES {
        roff.line(".TP");
        roff.text(&[(Font::Bold, status.to_string())]);
        roff.text(&[(Font::Roman, format!("{meaning}."))]);
    }
    append(&mut roff, REST);
    see_also(&mut roff, page);
    Ok(roff.source())
}

/// A verb, or a verb's verb: how it is called, what it does, its own options.
fn verb(roff: &mut Roff, command: &Command) -> Result<()> {
    // What is true of all verbs is told once.
    let own = command.clone().mut_args(|arg| {
        let is_everywhere = arg.is_global_set() && arg.get_id() != "as_live";
        let is_help = arg.get_id() == "help";
        arg.hide(is_everywhere || is_help)
    });
    let verbs: Vec<&Command> = command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
    if verbs.is_empty() {
        let man = Man::new(own);
        roff.call("SS", &[&usage(command)]);
        roff.source_of(body(&rendered(|out| man.render_description_section(out))?));
        roff.source_of(body(&rendered(|out| man.render_options_section(out))?));
    }
    verbs.into_iter().try_for_each(|inner| verb(roff, inner))
}

/// `explain [RELEASE|KBGnnn]`.
fn usage(command: &Command) -> String {
    let mut usage = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    for argument in command.get_positionals() {
        usage.push_str(&format!(" {argument}"));
    }
    usage
}

/// A section without its heading.
fn body(section: &str) -> &str {
    section.split_once('\n').filter(|(heading, _)| heading.starts_with(".SH")).map_or("", |(_, body)| body)
}

/// What clap's renderer writes, without the preamble that lets apostrophes be apostrophes: they are escaped by hand.
fn rendered(render: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> Result<String> {
    let mut source = Vec::new();
    render(&mut source)?;
    let source = String::from_utf8(source)?.replace("\\*(Aq", "\\(aq");
    let lines = source.lines().filter(|line| !line.starts_with(".ie \\n(.g") && !line.starts_with(".el .ds"));
    Ok(lines.collect::<Vec<&str>>().join("\n"))
}
