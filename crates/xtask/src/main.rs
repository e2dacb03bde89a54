// SPDX-License-Identifier: MIT OR Apache-2.0
//! `cargo xtask`: what is done with the whole project, one subcommand a file.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for the terminal: printing is its work")]

mod base;
mod bench;
mod demo;
mod deny;
mod dist;
mod dist_deb;
mod dist_rpm;
mod install;
mod lintian;
mod man;
mod project_copy;
mod reproducible;
mod rpmlint;
mod test;
mod tools;
mod truth;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Build, pack and try kbuild-guard")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Show the main job for real, on a throw-away Debian system
    Demo,
    /// Run every test, as CI does (end-to-end tests need root)
    Test {
        /// Only these suites
        #[arg(long, value_name = "SUITE")]
        only: Vec<test::Suite>,
    },
    /// Measure the hooks beside their peers, in throw-away roots (needs root)
    Bench {
        /// One part alone
        #[arg(long)]
        only: Option<bench::Part>,
    },
    /// Hold the verdict against what make and the kernel do, fault by fault (needs root; docs/accuracy.md)
    Truth(truth::Options),
    /// Build the packages in target/dist/ and their source packages, and check them with lintian and rpmlint
    Dist {
        /// Only the packages of this kind
        #[arg(long, value_name = "KIND")]
        only: Option<dist::Kind>,
    },
    /// Write the man pages and completions into target/manual/ and have mandoc, man and the shells judge them
    Man,
    /// Build the package of this machine's kind, install it and show `kbuild-guard status` (needs root)
    Install,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Demo => demo::run(),
        Task::Test { only } => test::run(&only),
        Task::Bench { only } => bench::run(only),
        Task::Truth(options) => truth::run(&options),
        Task::Dist { only } => dist::run(only),
        Task::Man => man::run(),
        Task::Install => install::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cargo xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why a task was not done. Shown once, by `main`.
#[derive(Debug)]
pub(crate) enum Error {
    /// The operating system said no.
    Io { doing: String, source: io::Error },
    /// A command that we called failed; what it had to say is on the terminal already.
    Command { command: String, status: ExitStatus },
    /// Debian packages are missing and we may not install them.
    MissingPackages { packages: Vec<String>, command: String },
    /// Programs are missing, and there is no apt to bring them.
    MissingPrograms { names: Vec<String> },
    /// Only root can do this.
    NeedsRoot { task: &'static str },
    /// A throw-away root could not be made or used.
    Roots(test_roots::Error),
    /// The truth could not be measured.
    Truth(::truth::Error),
    /// Verdicts are not what make and the kernel do; the report is on the terminal already.
    Untrue { wrong: usize },
    /// A base has other than three kernels.
    Kernels { found: usize },
    /// A command in a throw-away root ended otherwise than it should have.
    Unexpected { command: String, code: i32, expected: i32, output: String },
    /// A man page has something in it that a formatter complains of.
    Page { page: PathBuf, complaints: String },
    /// Something failed whose words are in a file.
    Logged { what: &'static str, log: PathBuf },
    /// Not run by `cargo xtask`, so that the project cannot be found.
    NoWorkspace,
    /// The package build ended well but made something else than one file of a kind.
    NotOneFile { extension: &'static str, folder: PathBuf, found: usize },
    /// Two builds of the package differ.
    NotReproducible { first: PathBuf, second: PathBuf },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { doing, source } => write!(f, "cannot {doing}: {source}"),
            Self::Command { command, status } => write!(f, "`{command}` failed ({status})"),
            Self::MissingPackages { packages, command } => {
                write!(f, "missing: {}. Run as root: {command}", packages.join(", "))
            }
            Self::MissingPrograms { names } => {
                write!(f, "missing: {}. They come with packages of this system", names.join(", "))
            }
            Self::NeedsRoot { task } => write!(f, "{task} needs root: sudo env \"PATH=$PATH\" cargo xtask {task}"),
            Self::Roots(error) => error.fmt(f),
            Self::Truth(error) => error.fmt(f),
            Self::Untrue { wrong } => {
                write!(f, "the verdicts do not hold: {wrong} mismatches, or too many are merely degraded")
            }
            Self::Kernels { found } => write!(f, "the base system has {found} kernels, and three are needed"),
            Self::Unexpected { command, code, expected, output } => {
                write!(f, "`{command}` ended with {code}, not {expected}:\n{output}")
            }
            Self::Page { page, complaints } => write!(f, "{}:\n{complaints}", page.display()),
            Self::Logged { what, log } => write!(f, "{what} failed; see {}", log.display()),
            Self::NoWorkspace => write!(f, "cannot find the project: call it as `cargo xtask`"),
            Self::NotOneFile { extension, folder, found } => {
                write!(f, "expected one .{extension} in {}, found {found}", folder.display())
            }
            Self::NotReproducible { first, second } => write!(
                f,
                "two builds of the package differ; to see how: diffoscope {} {}",
                first.display(),
                second.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Roots(error) => Some(error),
            Self::Truth(error) => Some(error),
            _ => None,
        }
    }
}

/// Gives an I/O error the words for what was being done.
pub(crate) trait Doing<T> {
    /// `what` completes the sentence "cannot …".
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|source| Error::Io { doing: what(), source })
    }
}
