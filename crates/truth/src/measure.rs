// SPDX-License-Identifier: MIT OR Apache-2.0
//! The work: every case in a root of its own, by as many workers as there are to be; what is known is not asked again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::batch;
use crate::build::{self, Built};
use crate::case::Case;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::load;
use crate::subject::Stage;
use crate::verdict::Program;

/// What the workers share.
pub(crate) struct Work<'w> {
    pub(crate) stage: &'w Stage,
    pub(crate) program: &'w Program,
    pub(crate) ledger: &'w Ledger,
    /// For files of this run.
    pub(crate) scratch: &'w Path,
}

impl Work<'_> {
    /// Builds and judges what is not known yet. The first error ends it.
    pub(crate) fn cases(&self, cases: &[Case], jobs: usize, say: &(dyn Fn(&str) + Sync)) -> Result<()> {
        let is_judged = |case: &&Case| self.ledger.judged(case).is_some();
        let is_built = |case: &&Case| self.ledger.built(case).is_some();
        // Where only verdicts are missing, many are asked for in one root.
        let only_verdicts: Vec<&Case> =
            cases.iter().filter(|case| case.harms.is_some() && is_built(case) && !is_judged(case)).collect();
        let batches: Vec<&[&Case]> = only_verdicts.chunks(batch::SIZE).collect();
        if !batches.is_empty() {
            say(&format!("{}: {} verdicts on known truth", self.stage.subject.name, only_verdicts.len()));
        }
        share(&batches, jobs, &|_| {}, &|batch| self.batch(batch))?;

        let missing: Vec<&Case> = cases.iter().filter(|case| !is_built(case) || !is_judged(case)).collect();
        let count = missing.len();
        let progress = |done: usize| {
            if done % 50 == 0 || done == count {
                say(&format!("{}: {done} of {count} cases", self.stage.subject.name));
            }
        };
        share(&missing, jobs, &progress, &|case| self.case(case))
    }

    fn batch(&self, cases: &[&Case]) -> Result<()> {
        let root = self.stage.root()?;
        // What cannot be told so is told one by one afterwards.
        if let Some(verdicts) = batch::judge(&root, self.program, &self.stage.release, cases)? {
            for (case, verdict) in cases.iter().zip(&verdicts) {
                self.ledger.put_judged(case, verdict)?;
            }
        }
        Ok(())
    }

    /// One case: the verdict first, for a build may leave something behind.
    fn case(&self, case: &Case) -> Result<()> {
        let root = self.stage.root()?;
        let made = root.run(&["sh", "-ec", &case.script])?;
        if made.code != 0 {
            return Err(Error::Fault { case: case.name.clone(), detail: made.output });
        }
        if self.ledger.judged(case).is_none() {
            let verdict = self.program.judge(&root, &self.stage.release)?;
            self.ledger.put_judged(case, &verdict)?;
        }
        if self.ledger.built(case).is_none() {
            let (built, module) = build::build(&root, &self.stage.release)?;
            self.ledger.put_built(case, &built, module.as_deref())?;
        }
        Ok(())
    }

    /// Has the kernel try every module that was built in these cases and that it has not tried yet.
    pub(crate) fn loads(&self, cases: &[Case], say: &(dyn Fn(&str) + Sync)) -> Result<()> {
        let mut modules = BTreeMap::new();
        for name in cases.iter().filter_map(|case| self.ledger.built(case)).filter_map(module) {
            if self.ledger.loaded(&name).is_none() && !modules.contains_key(&name) {
                let bytes = self.ledger.module(&name)?;
                modules.insert(name, bytes);
            }
        }
        if modules.is_empty() {
            return Ok(());
        }
        say(&format!("{}: the kernel tries {} different modules", self.stage.subject.name, modules.len()));
        for (name, loaded) in load::load(self.stage, &modules, self.scratch)? {
            self.ledger.put_loaded(&name, &loaded)?;
        }
        Ok(())
    }
}

/// The module that a build left, if make was content.
pub(crate) fn module(built: Built) -> Option<String> {
    if built.is_done() { built.module } else { None }
}

/// Has `jobs` workers do `work` on every thing, in order; the first error ends it. `done` is told how many have been begun.
fn share<T: Sync>(
    things: &[T],
    jobs: usize,
    done: &(dyn Fn(usize) + Sync),
    work: &(dyn Fn(&T) -> Result<()> + Sync),
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let failed = Mutex::new(None);
    let worker = || {
        while !stop.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(thing) = things.get(number) else { return };
            if let Err(error) = work(thing) {
                stop.store(true, Ordering::Relaxed);
                if let Ok(mut failed) = failed.lock() {
                    failed.get_or_insert(error);
                }
                return;
            }
            done(number + 1);
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(worker);
        }
    });
    match failed.into_inner() {
        Ok(Some(error)) => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thing_is_done_once_and_an_error_ends_it() {
        let things: Vec<usize> = (0..100).collect();
        let sum = AtomicUsize::new(0);
        share(&things, 3, &|_| {}, &|thing| {
            sum.fetch_add(*thing, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 4950);
        let error = share(&things, 3, &|_| {}, &|thing| match thing {
            7 => Err(Error::NoCase { pattern: "x".into() }),
            _ => Ok(()),
        });
        assert!(matches!(error, Err(Error::NoCase { .. })));
    }
}
