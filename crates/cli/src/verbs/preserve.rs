// SPDX-License-Identifier: MIT OR Apache-2.0
//! `preserve`: copies what module builds need of a tree, and moves the build link to the copy.

use std::path::Path;
use std::str::FromStr;

use kbuild_guard::kernels::Kernel;
use kbuild_guard::present::layout::command_row;
use kbuild_guard::present::preserve as shown;
use kbuild_guard::preserve::{self, Account, Preparation, Refusal, Request};
use kbuild_guard::quote::quoted_os;
use kbuild_guard::release::Release;
use kbuild_guard::survey::Depth;
use kbuild_guard::sysroot::RootPath;

use crate::bar::Bar;
use crate::error::{Error, Result, text};
use crate::exit::Exit;
use crate::options::Preserve;
use crate::output;
use crate::session::Session;
use crate::typed;

/// Preserves the tree of the kernel that is named.
pub(crate) fn run(session: &Session<'_>, wish: &Preserve) -> Result<Exit> {
    let release = Release::from_str(text(&wish.release)?)?;
    let request = Request {
        to: wish.to.as_deref().map(place).transpose()?,
        trusted: wish.trust_owner.clone(),
        force: wish.force,
    };
    let system = &session.system;
    let found = system.survey(|kernel: &Kernel| kernel.release == release, Depth::Build)?;
    let assessment = found.into_iter().next().ok_or(Error::NotInstalled(release))?;
    let kernel = assessment.kernel.clone();
    let prepared = preserve::prepare(system, assessment, &request);
    let preparation = match prepared {
        Err(kbuild_guard::error::Error::Refused(refusal)) => return refused(&refusal),
        answer => answer?,
    };
    if wish.dry_run || preparation.is_done() {
        return show(session, &preparation.account(system)?);
    }
    let before = preserve::link_of(&system.root, &kernel);
    match carry_out(session, preparation) {
        Ok(account) => show(session, &account),
        Err(error) => {
            let exit = error.exit();
            output::complain(&error.to_string());
            let link = preserve::link_of(&system.root, &kernel);
            output::say(match link == before {
                true => "  the build link is as it was\n",
                false => "  the build link leads to the copy; what is left to do, the same command does\n",
            });
            Ok(exit)
        }
    }
}

fn carry_out(session: &Session<'_>, preparation: Preparation) -> Result<Account> {
    let bar = Bar::begin(session.options.quiet, preparation.amount());
    let done = preparation.carry_out(&session.system, &mut |progress| bar.tell(progress));
    bar.end();
    let account = done?;
    session.settle();
    Ok(account)
}

fn show(session: &Session<'_>, account: &Account) -> Result<Exit> {
    if session.options.json {
        session.print_value(&shown::Json::of(account))?;
    } else if !session.options.quiet {
        output::print(&shown::text(account))?;
    }
    Ok(Exit::Well)
}

/// Says why not, and the command that does it all the same, if there is one.
fn refused(refusal: &Refusal) -> Result<Exit> {
    output::complain(&format!("refused: {refusal}"));
    let more = refusal.way_on();
    if !more.is_empty() {
        output::say(&command_row("go on", &typed::again_with(more)));
    }
    Ok(Error::from(kbuild_guard::error::Error::from(refusal.clone())).exit())
}

/// A place for a copy, which has a name.
fn place(path: &Path) -> Result<RootPath> {
    match path.file_name() {
        Some(_) => typed::absolute(path),
        None => Err(Error::NoPlace(quoted_os(path.as_os_str()))),
    }
}
