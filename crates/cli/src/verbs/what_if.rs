// SPDX-License-Identifier: MIT OR Apache-2.0
//! `what-if`: the guard's answer without a transaction.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use kbuild_guard::guard::Decision;
use kbuild_guard::judge::judge;
use kbuild_guard::package_db::PackageId;
use kbuild_guard::present::{json, text as shown};
use kbuild_guard::quote;
use kbuild_guard::sysroot::{RootPath, WalkEnd};
use kbuild_guard::transaction::{Driver, Element, Files, Transaction, Why};

use crate::error::{Error, Result, text};
use crate::exit::Exit;
use crate::options::Change;
use crate::output;
use crate::session::Session;

/// Judges the change as if a person had asked for it now.
pub(crate) fn run(session: &Session<'_>, change: &Change, as_live: bool) -> Result<Exit> {
    let Change::Remove { what } = change;
    let mut leaving = what.iter().map(|one| element(session, one)).collect::<Result<Vec<Element>>>()?;
    // The package manager would take along what depends on these.
    let named: Vec<PackageId> = leaving
        .iter()
        .filter(|element| element.files == Files::InDatabase)
        .map(|element| element.package.clone())
        .collect();
    for package in session.system.db.dragged_along(&named)? {
        leaving.push(Element { package, version: String::new(), files: Files::InDatabase, why: Why::Auto });
    }
    let driver = Driver { attended: true, ..Driver::default() };
    let transaction = Transaction { leaving, arriving: Vec::new(), driver };
    let verdict = judge(&session.system, &transaction, &session.policy, as_live)?;
    if session.options.json {
        session.print_value(&json::WhatIf::of(&verdict))?;
    } else if !session.options.quiet {
        for orphan in verdict.spoken_of() {
            output::print(&shown::orphan(orphan, &transaction, session.system.advisor.as_ref()))?;
        }
        for bereft in verdict.bereft_to_speak_of() {
            output::print(&shown::bereft(bereft, session.system.advisor.as_ref()))?;
        }
        if verdict.decision == Decision::Allow {
            let is_loss = verdict.orphans.iter().any(|orphan| !orphan.loss.kernel_leaves);
            output::print(match is_loss {
                true => "allowed: no kernel that stays loses headers which something that stays needs\n",
                false => "allowed: no kernel that stays loses its headers\n",
            })?;
        }
    }
    Ok(if verdict.decision == Decision::Allow { Exit::Well } else { Exit::Findings })
}

/// A package by its name, or everything at and below a path.
fn element(session: &Session<'_>, what: &OsStr) -> Result<Element> {
    let element = |package, files| Element { package, version: String::new(), files, why: Why::Asked };
    if !what.as_bytes().starts_with(b"/") {
        let package = PackageId::new(text(what)?);
        return match session.system.db.is_installed(&package)? {
            true => Ok(element(package, Files::InDatabase)),
            false => Err(Error::NoPackage(package)),
        };
    }
    let path = RootPath::new(what);
    // What is named may stand behind links (/lib); a link that is named itself is deleted itself.
    let path = match session.system.root.walk(&path.parent()).end {
        WalkEnd::Found { path: parent, .. } => parent.join(path.file_name()),
        _ => path,
    };
    match session.system.root.link_status(&path) {
        Err(error) if error.is_not_found() => return Err(Error::NoPath(path)),
        Err(error) => return Err(error.into()),
        Ok(_) => {}
    }
    // A package's name has no spaces.
    let name = quote::quoted(&path).replace(' ', "\\x20");
    Ok(element(PackageId::new(&name), Files::Below(path)))
}
