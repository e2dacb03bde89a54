// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a hook replies to its package manager: the text to show, and whether to stop. Settings are read, what was said
//! before is left out, and what is said now is remembered; a hook only has to translate.

use crate::error::Result;
use crate::guard::Decision;
use crate::judge::judge;
use crate::memory::Spoken;
use crate::policy::{self, Mode};
use crate::present::{configuration, text};
use crate::quote::quoted_text;
use crate::release::Release;
use crate::survey::{Depth, System};
use crate::transaction::Transaction;
use crate::verify::{verify, verify_kernel};

/// A hook's reply.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// What people are to see, whole lines; empty where all is well.
    pub text: String,
    /// Whether the transaction is to stop.
    pub blocks: bool,
}

/// To a transaction that is about to begin. `by` tells the process that drives it from all others; it may be empty.
pub fn before(system: &System, transaction: &Transaction, by: &str) -> Result<Reply> {
    let (policy, warnings) = policy::load(&system.root);
    let verdict = judge(system, transaction, &policy, false)?;
    if verdict.decision == Decision::Allow {
        return Ok(Reply::default());
    }
    let mut text: String = transaction.driver.wrong_mode.as_deref().map(wrong_mode).unwrap_or_default();
    text.extend(warnings.iter().map(configuration::warning));
    // Some drivers call the hooks of one run twice: a warning is said once. A block ends the first of them.
    let said = Spoken::load(&system.root).to(by);
    let blocks = verdict.decision == Decision::Block;
    let orphans = verdict.spoken_of().filter(|orphan| blocks || !said.mentions(&orphan.assessment.kernel.release));
    text.extend(orphans.map(|orphan| text::orphan(orphan, transaction, system.advisor.as_ref())));
    let bereft = verdict.bereft_to_speak_of().filter(|bereft| !said.mentions_bringers(&bereft.packages));
    text.extend(bereft.map(|bereft| text::bereft(bereft, system.advisor.as_ref())));
    if !blocks {
        // The triggers of this run need not say it again. If this cannot be written, they will.
        let releases = verdict.spoken_of().map(|orphan| &orphan.assessment.kernel.release);
        let bringers = verdict.bereft_to_speak_of().flat_map(|bereft| &bereft.packages);
        if let Err(error) = Spoken::add(&system.root, by, releases, bringers) {
            log::debug!("{error}");
        }
    }
    Ok(Reply { text, blocks })
}

/// At the end of a run, or, of one kernel, when it was installed by hand. `mode_word` is a one-run override.
pub fn afterwards(system: &System, mode_word: Option<&str>, only: Option<&Release>) -> Result<Reply> {
    let (mut policy, warnings) = policy::load(&system.root);
    let override_mode = mode_word.and_then(|word| word.parse::<Mode>().ok());
    policy.mode = policy.mode_in(override_mode);
    let news = match only {
        Some(release) => verify_kernel(system, &policy, release)?,
        None => verify(system, &policy)?,
    };
    let mut text: String = mode_word.filter(|_| override_mode.is_none()).map(wrong_mode).unwrap_or_default();
    text.extend(warnings.iter().map(configuration::warning));
    text.extend(news.iter().map(text::fault));
    Ok(Reply { text, blocks: false })
}

/// What is true of one kernel, for who wants to know though there is nothing to say; fit for a terminal.
pub fn account(system: &System, release: &Release) -> Result<String> {
    let assessments = system.survey(|kernel| kernel.release == *release, Depth::Build)?;
    Ok(match assessments.first() {
        Some(assessment) => {
            format!("kernel {release} is {}, and there is nothing new to say", assessment.state().as_str())
        }
        None => format!("there is no kernel {release}: it has no modules directory, or no image"),
    })
}

fn wrong_mode(word: &str) -> String {
    format!("kbuild-guard: mode {} is none of {}\n", quoted_text(word), Mode::LIST)
}
