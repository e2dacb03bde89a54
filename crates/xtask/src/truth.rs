// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask truth`: the verdict held against what make and the kernel do, on real trees with every kind of fault.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use ::truth::{Extent, Run, Subject};

use crate::tools::{self, Tool};
use crate::{Doing, Error, base};

/// What it needs on this machine beside what roots and boots do.
const TOOLS: [Tool; 2] = [Tool::program("strace", "strace"), Tool::Package("busybox-static")];

/// The words of the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this subject (may be given again)
    #[arg(long, value_name = "NAME")]
    subject: Vec<String>,
    /// At most N removed files, and a third as many of the other kinds; every structural fault all the same
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// What decides which
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Only cases with this in their name
    #[arg(long, value_name = "PATTERN")]
    only: Option<String>,
    /// How many roots at a time (one for each core if not said)
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Forget what was measured before
    #[arg(long)]
    fresh: bool,
    /// Judge this program, rather than the one that is built here
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Write every case, with truth and verdict, to FILE
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Options {
    /// The two kernels whose packages every release has, and a seeded part of their files: what CI runs.
    pub(crate) fn sample(sample: usize) -> Self {
        let subject = ["debian12-6.1-cloud", "debian13-6.12-cloud"].map(String::from).into();
        Self { subject, sample: Some(sample), seed: 1, only: None, jobs: None, fresh: false, program: None, json: None }
    }
}

pub(crate) fn run(options: &Options) -> Result<(), Error> {
    if !tools::is_root() {
        return Err(Error::NeedsRoot { task: "truth" });
    }
    let subjects = Subject::named(&options.subject).map_err(Error::Truth)?;
    tools::ensure(&[base::TOOLS.as_slice(), &base::BOOT_TOOLS, &TOOLS].concat())?;
    let run = Run {
        subjects,
        extent: Extent { sample: options.sample, seed: options.seed },
        only: options.only.clone(),
        fresh: options.fresh,
        jobs: options.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(2, |count| count.get())),
        program: options.program.clone().map_or_else(program, Ok)?,
        directory: tools::target_dir()?.join("truth"),
    };
    let report = run.run(&|step| println!("xtask: truth: {step}")).map_err(Error::Truth)?;
    println!("{}", report.text());
    if let Some(file) = &options.json {
        fs::write(file, report.json()).doing(|| format!("write {}", file.display()))?;
    }
    if report.holds() { Ok(()) } else { Err(Error::Untrue { wrong: report.wrong() }) }
}

/// Our program, as it is packed.
fn program() -> Result<PathBuf, Error> {
    tools::run(Command::new(tools::cargo()).args(["build", "--release", "--locked", "--package=kbuild-guard-cli"]))?;
    Ok(tools::target_dir()?.join("release/kbuild-guard"))
}
