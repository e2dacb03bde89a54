// SPDX-License-Identifier: MIT OR Apache-2.0
//! What has been measured, kept between runs: a line of JSON each, written as soon as it is known.
//!
//! What make and the kernel do does not depend on our program, so it is kept apart from the verdicts: when the program
//! changes, only they are asked for again.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::build::Built;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::learn::Learnt;
use crate::load::Loaded;
use crate::verdict::Verdict;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Record {
    /// What a build reads.
    Learnt { stage: String, by: String, learnt: Learnt },
    /// What make did.
    Built { stage: String, case: String, script: String, built: Built },
    /// What the kernel did with a module.
    Loaded { stage: String, module: String, loaded: Loaded },
    /// What our program said.
    Judged { stage: String, case: String, script: String, program: String, verdict: Verdict },
}

/// What is known; for one stage and one program.
#[derive(Debug, Default)]
struct Known {
    learnt: HashMap<String, Learnt>,
    built: HashMap<(String, String), Built>,
    loaded: HashMap<String, Loaded>,
    judged: HashMap<(String, String), Verdict>,
}

/// The results of one subject.
#[derive(Debug)]
pub(crate) struct Ledger {
    stage: String,
    program: String,
    modules: PathBuf,
    known: Mutex<Known>,
    file: Mutex<File>,
}

/// Keeps a subject's results from being used by two runs, as long as it lives; goes with the process.
#[derive(Debug)]
pub(crate) struct Hold(#[allow(dead_code, reason = "holding it is all")] Flock<File>);

impl Hold {
    /// Of `subject` in `directory`, which is made if need be.
    pub(crate) fn on(directory: &Path, subject: &'static str) -> Result<Self> {
        fs::create_dir_all(directory).map_err(Error::io("create", directory))?;
        let path = directory.join(format!("{subject}.lock"));
        let file = File::create(&path).map_err(Error::io("create", &path))?;
        let held = Flock::lock(file, FlockArg::LockExclusiveNonblock);
        held.map(Hold).map_err(|_| Error::Busy { subject, directory: directory.to_owned() })
    }
}

impl Ledger {
    /// Opens the results of `subject` in `directory`; `fresh` forgets what is there.
    pub(crate) fn open(directory: &Path, subject: &str, stage: String, program: String, fresh: bool) -> Result<Self> {
        let path = directory.join(format!("{subject}.jsonl"));
        let modules = directory.join(format!("{subject}.modules"));
        if fresh {
            drop(fs::remove_file(&path));
            drop(fs::remove_dir_all(&modules));
        }
        fs::create_dir_all(&modules).map_err(Error::io("create", &modules))?;
        let before = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let mut file = File::options().create(true).append(true).open(&path).map_err(Error::io("open", &path))?;
        // A run that was killed may have left half a line.
        if !before.is_empty() && !before.ends_with(b"\n") {
            file.write_all(b"\n").map_err(Error::io("write", &path))?;
        }
        let ledger = Self { stage, program, modules, known: Mutex::default(), file: Mutex::new(file) };
        for line in before.split(|byte| *byte == b'\n') {
            if let Ok(record) = serde_json::from_slice(line) {
                ledger.remember(record);
            }
        }
        Ok(ledger)
    }

    pub(crate) fn learnt(&self, by: &str) -> Option<Learnt> {
        self.with(|known| known.learnt.get(by).cloned())
    }

    pub(crate) fn built(&self, case: &Case) -> Option<Built> {
        self.with(|known| known.built.get(&key(case)).cloned())
    }

    pub(crate) fn loaded(&self, module: &str) -> Option<Loaded> {
        self.with(|known| known.loaded.get(module).cloned())
    }

    pub(crate) fn judged(&self, case: &Case) -> Option<Verdict> {
        self.with(|known| known.judged.get(&key(case)).cloned())
    }

    pub(crate) fn put_learnt(&self, by: &str, learnt: &Learnt) -> Result<()> {
        self.put(Record::Learnt { stage: self.stage.clone(), by: by.to_owned(), learnt: learnt.clone() })
    }

    pub(crate) fn put_built(&self, case: &Case, built: &Built, module: Option<&[u8]>) -> Result<()> {
        if let (Some(name), Some(bytes)) = (&built.module, module) {
            let path = self.modules.join(name);
            // Renamed into place: half a module would be another.
            let half = tempfile::NamedTempFile::new_in(&self.modules).map_err(Error::io("write", &path))?;
            fs::write(half.path(), bytes).map_err(Error::io("write", &path))?;
            half.persist(&path).map_err(|error| Error::io("write", &path)(error.error))?;
        }
        let (case, script) = key(case);
        self.put(Record::Built { stage: self.stage.clone(), case, script, built: built.clone() })
    }

    pub(crate) fn put_loaded(&self, module: &str, loaded: &Loaded) -> Result<()> {
        self.put(Record::Loaded { stage: self.stage.clone(), module: module.to_owned(), loaded: loaded.clone() })
    }

    pub(crate) fn put_judged(&self, case: &Case, verdict: &Verdict) -> Result<()> {
        let (stage, program) = (self.stage.clone(), self.program.clone());
        let (case, script) = key(case);
        self.put(Record::Judged { stage, case, script, program, verdict: verdict.clone() })
    }

    /// The bytes of a module that was built once.
    pub(crate) fn module(&self, name: &str) -> Result<Vec<u8>> {
        let path = self.modules.join(name);
        fs::read(&path).map_err(Error::io("read", &path))
    }

    fn put(&self, record: Record) -> Result<()> {
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).map_err(Error::io("write", &self.modules))?;
        drop(file);
        self.remember(record);
        Ok(())
    }

    fn remember(&self, record: Record) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match record {
            Record::Learnt { stage, by, learnt } if stage == self.stage => drop(known.learnt.insert(by, learnt)),
            Record::Built { stage, case, script, built } if stage == self.stage => {
                known.built.insert((case, script), built);
            }
            Record::Loaded { stage, module, loaded } if stage == self.stage => {
                known.loaded.insert(module, loaded);
            }
            Record::Judged { stage, case, script, program, verdict }
                if stage == self.stage && program == self.program =>
            {
                known.judged.insert((case, script), verdict);
            }
            _ => {}
        }
    }

    fn with<T>(&self, look: impl FnOnce(&Known) -> T) -> T {
        look(&self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn key(case: &Case) -> (String, String) {
    (case.name.clone(), case.script.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Family;

    fn open(directory: &Path, stage: &str, program: &str, fresh: bool) -> Ledger {
        Ledger::open(directory, "s", stage.into(), program.into(), fresh).unwrap()
    }

    #[test]
    fn what_is_written_is_known_to_the_next_run_of_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let case = Case::new(Family::Link, "a", "rm a");
        let built = Built { code: Some(0), module: Some("m1".into()), words: String::new() };
        let verdict = Verdict { state: "ready".into(), findings: Vec::new() };
        let ledger = open(directory.path(), "1", "p", false);
        ledger.put_built(&case, &built, Some(b"ko")).unwrap();
        ledger.put_judged(&case, &verdict).unwrap();
        ledger.put_loaded("m1", &Loaded { takes: true, words: String::new() }).unwrap();

        let again = open(directory.path(), "1", "p", false);
        assert_eq!((again.built(&case), again.judged(&case)), (Some(built.clone()), Some(verdict)));
        assert_eq!(again.module("m1").unwrap(), b"ko");
        assert!(again.loaded("m1").unwrap().takes);
        let other_script = Case::new(Family::Link, "a", "rm b");
        assert_eq!(again.built(&other_script), None);

        let other_program = open(directory.path(), "1", "q", false);
        assert_eq!((other_program.built(&case), other_program.judged(&case)), (Some(built), None));
        let other_stage = open(directory.path(), "2", "p", false);
        assert_eq!((other_stage.built(&case), other_stage.loaded("m1")), (None, None));
        assert_eq!(open(directory.path(), "1", "p", true).built(&case), None);
    }

    #[test]
    fn half_a_line_is_forgotten_and_harms_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let (one, two) = (Case::new(Family::Link, "a", "1"), Case::new(Family::Link, "b", "2"));
        let built = Built { code: Some(2), module: None, words: "x".into() };
        open(directory.path(), "1", "p", false).put_built(&one, &built, None).unwrap();
        let path = directory.path().join("s.jsonl");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &whole[..20]].concat()).unwrap();
        open(directory.path(), "1", "p", false).put_built(&two, &built, None).unwrap();
        let again = open(directory.path(), "1", "p", false);
        assert!(again.built(&one).is_some() && again.built(&two).is_some());
    }

    #[test]
    fn one_run_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let held = Hold::on(directory.path(), "s").unwrap();
        assert!(matches!(Hold::on(directory.path(), "s"), Err(Error::Busy { .. })));
        assert!(Hold::on(directory.path(), "t").is_ok());
        drop(held);
        assert!(Hold::on(directory.path(), "s").is_ok());
    }
}
