// SPDX-License-Identifier: MIT OR Apache-2.0
//! dnf5's plugin "actions", which asks when a transaction is resolved, before people see it: a talk over standard input
//! and output, a line each. Whatever is printed to stderr stands on the terminal.

use std::error::Error;
use std::io::{self, BufRead, Read, Write};

use hook_process::Life;
use kbuild_guard::reply::{self, Reply};
use kbuild_guard::sysroot::Sysroot;
use package_managers::rpm::{self, dnf5};

use crate::driving::Driving;

/// Ten thousand packages are 2 MB.
const LONGEST: u64 = 64 << 20;

pub(crate) fn guard(life: &Life) -> Result<Reply, Box<dyn Error>> {
    let items = dnf5::packages(&ask(dnf5::PACKAGES)?)?;
    let (driver, by) = Driving::look().driver(None);
    let transaction = dnf5::transaction(&items, driver);
    if transaction.leaving.is_empty() {
        return Ok(Reply::default());
    }
    let root = dnf5::root(&ask(dnf5::ROOT)?)?;
    let root = Sysroot::open(&root)?.with_deadline(life.deadline());
    let reply = reply::before(&rpm::system(root, None, "dnf5"), &transaction, &by)?;
    if !reply.blocks {
        return Ok(reply);
    }
    // The message is in what stops it; the exit status has nothing to say here.
    say(&dnf5::stop(&reply.text))?;
    Ok(Reply::default())
}

fn ask(question: &str) -> io::Result<String> {
    say(question)?;
    let mut line = String::new();
    io::stdin().lock().take(LONGEST).read_line(&mut line)?;
    Ok(line)
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
