// SPDX-License-Identifier: MIT OR Apache-2.0
//! The verdict held against what make and the kernel do.
//!
//! A [`Subject`] is a system with a kernel and the trees that its build link leads to. A build in it is watched
//! (`learn`). From what it reads, and from what is known to go wrong, `cases` are made: each is a fault and nothing else.
//! Every case gets a fresh root in which our program is asked for its verdict, and then make for the truth (`measure`);
//! what make builds is shown to that very kernel, booted in the emulator (`load`). `matrix` counts, and says which
//! meetings must not be. No expected result is written down anywhere.
//!
//! What was measured is kept (`ledger`); a second run asks only for what is not known, and for verdicts alone many to a
//! root (`batch`).

mod batch;
mod build;
mod case;
mod cases;
mod choose;
mod error;
mod layout;
mod learn;
mod ledger;
mod load;
mod matrix;
mod measure;
mod report;
mod strace;
mod structural;
mod subject;
mod verdict;

use std::path::{Path, PathBuf};

pub use cases::Extent;
pub use error::{Error, Result};
pub use report::Report;
pub use subject::{SUBJECTS, Subject};

use case::Case;
use ledger::{Hold, Ledger};
use matrix::{Row, Truth};
use measure::Work;
use subject::Stage;
use verdict::Program;

/// What a run is to do.
#[derive(Debug)]
pub struct Run {
    /// Which subjects.
    pub subjects: Vec<&'static Subject>,
    /// How many cases of each.
    pub extent: Extent,
    /// Only cases with this in their name.
    pub only: Option<String>,
    /// Forget what was measured before.
    pub fresh: bool,
    /// How many roots at a time.
    pub jobs: usize,
    /// The program that is judged.
    pub program: PathBuf,
    /// Where results are kept.
    pub directory: PathBuf,
}

impl Run {
    /// Measures, and reports.
    pub fn run(&self, say: &(dyn Fn(&str) + Sync)) -> Result<Report> {
        let program = Program::at(&self.program)?;
        let mut report = Report::default();
        for subject in &self.subjects {
            report.rows.extend(self.subject(subject, &program, say)?);
        }
        if let (true, Some(pattern)) = (report.rows.is_empty(), &self.only) {
            return Err(Error::NoCase { pattern: pattern.clone() });
        }
        Ok(report)
    }

    fn subject(&self, subject: &'static Subject, program: &Program, say: &(dyn Fn(&str) + Sync)) -> Result<Vec<Row>> {
        let _alone = Hold::on(&self.directory, subject.name)?;
        let scratch = self.directory.join(format!("{}.scratch", subject.name));
        // What a run that was killed has left.
        drop(std::fs::remove_dir_all(&scratch));
        std::fs::create_dir_all(&scratch).map_err(Error::io("create", &scratch))?;
        let stage = subject.stage(&mut |step| say(&format!("base: {step}")))?;
        load::is_possible(&stage)?;
        let ledger = Ledger::open(&self.directory, subject.name, stage.key(), program.hash.clone(), self.fresh)?;
        let mut cases = self.all_cases(&stage, program, &ledger, &scratch)?;
        if let Some(pattern) = &self.only {
            cases.retain(|case| case.name.contains(pattern.as_str()));
        }
        say(&format!("{}: {} cases, kernel {}", subject.name, cases.len(), stage.release));
        let work = Work { stage: &stage, program, ledger: &ledger, scratch: &scratch };
        work.cases(&cases, self.jobs, say)?;
        work.loads(&cases, say)?;
        drop(std::fs::remove_dir_all(&scratch));
        Ok(cases.iter().filter_map(|case| row(subject.name, case, &ledger)).collect())
    }

    /// Every case of a subject that this run's extent has.
    fn all_cases(&self, stage: &Stage, program: &Program, ledger: &Ledger, scratch: &Path) -> Result<Vec<Case>> {
        let layout = layout::Layout::of(stage)?;
        let (_, hops) = program.ask(&stage.root()?, &stage.release)?;
        // Other hops are other trees to watch.
        let by: Vec<&str> = hops.iter().map(|hop| hop.path.as_str()).collect();
        let by = by.join(" ");
        let learnt = match ledger.learnt(&by) {
            Some(learnt) => learnt,
            None => {
                let learnt = learn::learn(stage, &layout, &hops, scratch)?;
                ledger.put_learnt(&by, &learnt)?;
                learnt
            }
        };
        Ok(cases::cases(&layout, &learnt, self.extent))
    }
}

/// What is known of a case: everything, once it was measured.
fn row(subject: &'static str, case: &Case, ledger: &Ledger) -> Option<Row> {
    let (built, verdict) = (ledger.built(case)?, ledger.judged(case)?);
    let (truth, words) = match measure::module(built.clone()) {
        None if built.code.is_none() => (Truth::Fails, format!("{}\n(it took too long)", built.words)),
        None if built.code == Some(0) => (Truth::Fails, format!("{}\n(make ends with 0, and no module)", built.words)),
        None => (Truth::Fails, built.words),
        Some(module) => {
            let loaded = ledger.loaded(&module)?;
            (if loaded.takes { Truth::Loads } else { Truth::Refused }, loaded.words)
        }
    };
    let wrong = matrix::wrong(truth, &verdict, &case.claim);
    Some(Row { subject, case: case.name.clone(), family: case.family, truth, verdict, words, wrong })
}
