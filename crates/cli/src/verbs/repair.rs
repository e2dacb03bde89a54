// SPDX-License-Identifier: MIT OR Apache-2.0
//! `repair`: moves a kernel's build link to a tree that is proved to fit, or back to where it led before.

use std::str::FromStr;

use kbuild_guard::assess::{Assessment, State};
use kbuild_guard::kernels::Kernel;
use kbuild_guard::present::layout::command_row;
use kbuild_guard::present::repair as shown;
use kbuild_guard::preserve::{self, Refusal};
use kbuild_guard::release::Release;
use kbuild_guard::relink::{self, Journal, Lock};
use kbuild_guard::repair::{self, Account, Candidates, Outcome, Request};
use kbuild_guard::survey::Depth;

use crate::error::{Error, Result, text};
use crate::exit::Exit;
use crate::options::Repair;
use crate::output;
use crate::session::Session;
use crate::typed;

/// What came of one kernel, and what to tell programs of it.
type Done = (Exit, Option<shown::KernelEntry>);

/// Repairs the kernel that is named, the only one that wants it, or all that do.
pub(crate) fn run(session: &Session<'_>, wish: &Repair) -> Result<Exit> {
    let named = wish.release.as_deref().map(|word| Ok::<_, Error>(Release::from_str(text(word)?)?)).transpose()?;
    if wish.undo {
        return undo(session, wish, named);
    }
    let chosen = choose(session, wish, named)?;
    if chosen.is_empty() {
        if session.options.json {
            session.print_value(&shown::Json::of(Vec::new(), &[]))?;
        } else if !session.options.quiet {
            output::print("no kernel wants repair\n")?;
        }
        return Ok(Exit::Well);
    }
    let searched = wish.search.iter().map(|dir| typed::absolute(dir)).collect::<Result<Vec<_>>>()?;
    for dir in &searched {
        if session.system.root.status(dir).is_err_and(|error| error.is_not_found()) {
            return Err(Error::NoPath(dir.clone()));
        }
    }
    let request = Request { trusted: wish.trust_owner.clone(), force: wish.force, has_searched: !searched.is_empty() };
    let candidates = Candidates::find(&session.system.root, &searched)?;
    if !session.options.json && !session.options.quiet {
        for remark in &candidates.remarks {
            output::complain(remark);
        }
    }
    let (mut worst, mut entries) = (Exit::Well, Vec::new());
    for assessment in chosen {
        let kernel = assessment.kernel.clone();
        let (exit, entry) = match one(session, assessment, &candidates, &request, wish.dry_run) {
            Ok(done) => done,
            Err(error) => (failed(session, &kernel, &error), None),
        };
        worst = worst.or_worse(exit);
        entries.extend(entry);
    }
    if !wish.dry_run {
        session.settle();
    }
    if session.options.json {
        session.print_value(&shown::Json::of(entries, &candidates.remarks))?;
    }
    Ok(worst)
}

/// The kernels that are meant.
fn choose(session: &Session<'_>, wish: &Repair, named: Option<Release>) -> Result<Vec<Assessment>> {
    let is_meant = |kernel: &Kernel| named.as_ref().is_none_or(|release| kernel.release == *release);
    let mut found = session.system.survey(is_meant, Depth::Whole)?;
    match named {
        Some(release) if found.is_empty() => Err(Error::NotInstalled(release)),
        Some(_) => Ok(found),
        None => {
            found.retain(|assessment| repair::is_wanting(assessment, &session.policy));
            match found.as_slice() {
                [] | [_] => Ok(found),
                _ if wish.all => Ok(found),
                many => Err(Error::SeveralWant(many.iter().map(|one| one.kernel.release.clone()).collect())),
            }
        }
    }
}

fn one(
    session: &Session<'_>,
    assessment: Assessment,
    candidates: &Candidates,
    request: &Request,
    is_dry: bool,
) -> Result<Done> {
    let system = &session.system;
    let prepared = repair::prepare(system, assessment, candidates, request)?;
    let account = match is_dry || prepared.is_done() || prepared.is_refused() {
        true => prepared.account(system, request),
        false => prepared.carry_out(system, request)?,
    };
    show(session, &account)?;
    let is_useless = account.after.is_some_and(|after| !after.is_usable()) && account.tree.is_some();
    let exit = if account.outcome == Outcome::Refused || is_useless { Exit::Findings } else { Exit::Well };
    Ok((exit, Some(shown::KernelEntry::of(&account))))
}

fn show(session: &Session<'_>, account: &Account) -> Result<()> {
    if let Some(why) = &account.why {
        output::complain(&format!("refused: {}", why.text(account)));
        if !session.options.quiet {
            output::say(&shown::refusal(account, &typed::program(session.options)));
        }
        if !account.trust.is_empty() {
            output::say(&command_row("go on", &typed::again_with(account.trust.clone())));
        }
    } else if !session.options.json && !session.options.quiet {
        output::print(&shown::text(account, &typed::program(session.options)))?;
    }
    Ok(())
}

/// Says what went wrong, and what became of the link.
fn failed(session: &Session<'_>, kernel: &Kernel, error: &Error) -> Exit {
    match error {
        Error::Common(kbuild_guard::error::Error::Refused(refusal)) => {
            output::complain(&format!("refused: {refusal}"));
            let more = refusal.way_on();
            if !more.is_empty() {
                output::say(&command_row("go on", &typed::again_with(more)));
            }
        }
        error => output::complain(&error.to_string()),
    }
    if !matches!(error, Error::Common(kbuild_guard::error::Error::Refused(Refusal::NotRoot))) {
        let leads = preserve::link_of(&session.system.root, kernel);
        let leads =
            leads.map_or_else(|| "nothing".to_owned(), |leads| kbuild_guard::quote::quoted_os(leads.as_os_str()));
        output::say(&format!("  the build link leads to {leads}\n"));
    }
    error.exit()
}

/// Moves links back to where they led before.
fn undo(session: &Session<'_>, wish: &Repair, named: Option<Release>) -> Result<Exit> {
    let system = &session.system;
    let release = match named {
        Some(release) => Some(release),
        None => Journal::load(&system.root)?.latest(&system.installed()?),
    };
    let Some(release) = release else {
        if session.options.json {
            session.print_value(&shown::Json::of(Vec::new(), &[]))?;
        } else if !session.options.quiet {
            output::print("nothing was moved that has not been taken back\n")?;
        }
        return Ok(Exit::Well);
    };
    let found = system.survey(|kernel: &Kernel| kernel.release == release, Depth::Whole)?;
    let before = found.into_iter().next().ok_or(Error::NotInstalled(release))?;
    let kernel = before.kernel.clone();
    match take_back(session, &kernel, before.state(), wish) {
        Ok(entry) => {
            if session.options.json {
                session.print_value(&shown::Json::of(vec![entry], &[]))?;
            }
            Ok(Exit::Well)
        }
        Err(error) => Ok(failed(session, &kernel, &error)),
    }
}

fn take_back(session: &Session<'_>, kernel: &Kernel, before: State, wish: &Repair) -> Result<shown::KernelEntry> {
    let root = &session.system.root;
    let mut undo = relink::undo(root, kernel, wish.force)?;
    let mut after = None;
    if undo.is_some() && !wish.dry_run {
        if !relink::may_change(root)? {
            return Err(kbuild_guard::error::Error::from(Refusal::NotRoot).into());
        }
        let lock = Lock::take(root)?;
        // As it is now that nobody else moves links.
        undo = relink::undo(root, kernel, wish.force)?;
        if let Some(undo) = &undo {
            undo.carry_out(&lock, kernel)?;
        }
        after = repair::judged(&session.system, kernel)?.map(|now| now.state());
    }
    if !session.options.json && !session.options.quiet {
        output::print(&shown::undo_text(kernel, undo.as_ref(), (before, after)))?;
    }
    Ok(shown::KernelEntry::of_undo(kernel, undo.as_ref(), (before, after)))
}
