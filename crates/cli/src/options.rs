// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command line, described once: parser, help, man page and completions are made from this.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::exit;

/// When output is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColourChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Says whether external kernel modules can be built, kernel by kernel, and why not.
///
/// Package managers call kbuild-guard so that module builds never break unnoticed. This command shows what their hooks
/// see and what they would decide. It asks nothing, uses no network, and changes no tree and no link unless it is told to
/// preserve or repair.
#[derive(Debug, Parser)]
#[command(name = "kbuild-guard", version, max_term_width = 80, color = clap::ColorChoice::Never)]
#[command(after_help = exit::HELP)]
pub struct Options {
    /// Look at the system below DIR instead of this one.
    #[arg(long, value_name = "DIR", global = true, default_value = "/", hide_default_value = true)]
    #[arg(value_hint = ValueHint::DirPath)]
    pub root: PathBuf,

    /// Print JSON and nothing else.
    #[arg(long, global = true)]
    pub json: bool,

    /// Print nothing but errors: the exit status is the answer.
    #[arg(short, long, global = true, conflicts_with = "json")]
    pub quiet: bool,

    /// Say on stderr what is looked at; twice for more.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// When to use colours.
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto", hide_default_value = true)]
    pub color: ColourChoice,

    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show every kernel: its state, its build tree, who needs it.
    ///
    /// A row a kernel. The table is the answer, whatever it says: the exit status is 0.
    Status,
    /// For scripts: say what is wrong, by text and exit status.
    ///
    /// Silent where there is nothing to do. A kernel without headers is a finding only where something needs them.
    Check {
        /// The kernels to look at; all of them without.
        #[arg(value_name = "RELEASE")]
        releases: Vec<OsString>,
        /// Really build a trivial module for each, confined.
        ///
        /// Outside the tree, never as root, without a network, within limits. It is compared with the modules that
        /// came with the kernel, and never loaded. This runs the tree's makefiles and programs: as the person whose
        /// tree it is, or as nobody. In the running system only.
        #[arg(long)]
        probe: bool,
        /// How long each build may take.
        #[arg(long, value_name = "SECONDS", requires = "probe", default_value = "120")]
        #[arg(value_parser = clap::value_parser!(u64).range(1..=3600))]
        probe_timeout: u64,
    },
    /// Tell the whole story of a kernel or of a finding.
    ///
    /// Of a kernel: what its build link is and where it leads, hop by hop, who needs it, what is wrong, the command
    /// that mends it, and what happens if nothing is done. Of a finding: what it is, why it matters, what to do, and
    /// how to hear no more of it.
    Explain {
        /// A kernel's release or a finding's ID (KBGnnn); the running kernel without.
        #[arg(value_name = "RELEASE|KBGnnn")]
        subject: Option<OsString>,
    },
    /// Show every setting in force, where it comes from, and what is wrong in the files.
    ///
    /// The exit status is 1 where there are warnings. They stop nothing: what was in force before holds.
    Config,
    /// Show which hooks are live here, and who would call them.
    ///
    /// A hook is live, off (switched off by the admin), not-installed, or broken; then the exit status is 1 and the
    /// command that mends it is named.
    Hooks,
    /// For the timer: look at all kernels, and tell the journal, the metrics and whoever logs in.
    ///
    /// What hooks cannot see, a tree that was moved or deleted by hand, is found so. Waits while a package manager is at
    /// work. /run/kbuild-guard/status.json has the result, whatever it is: the exit status is 0, and 3 only where it
    /// could not be found out or written.
    Report {
        /// How long to wait for a package manager; then what was found last stands.
        #[arg(long, value_name = "SECONDS", default_value = "600")]
        #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
        wait: u64,
        /// Look at nothing, and remove what reports have written.
        #[arg(long, conflicts_with = "wait")]
        clear: bool,
    },
    /// Copy what module builds need of a kernel's tree to a place that lasts.
    ///
    /// For a kernel that was built by hand: the tree in somebody's home can be archived or deleted afterwards. Some
    /// 60 MB of it are copied to /usr/src/linux-headers-RELEASE, the copy is judged like any tree, and then the build
    /// link is moved to it. Where that fails or is refused, nothing has changed; exit status 1 is a refusal.
    Preserve(Preserve),
    /// Move a kernel's build link to a tree that is proved to fit.
    ///
    /// Trees are looked for in /usr/src, where the modules directories' links lead, where this kernel's link has led,
    /// and below every --search DIR. Each is judged as any tree is: of exactly this release and build, and fit for
    /// building. The link is moved to the best one, and where it led is written down. Without a RELEASE, the kernel in
    /// which no module can be built, if there is one only. Exit status 1 says that no tree fits, or that it is refused.
    Repair(Repair),
    /// What the guard would say, without doing anything.
    WhatIf {
        /// The change to ask about.
        #[command(subcommand)]
        change: Change,
        /// Answer as if this root were the running system.
        #[arg(long, global = true)]
        as_live: bool,
    },
}

/// What to preserve, and how.
#[derive(Debug, Args)]
pub struct Preserve {
    /// The kernel whose tree it is.
    #[arg(value_name = "RELEASE")]
    pub release: OsString,

    /// Copy to DIR instead of /usr/src/linux-headers-RELEASE.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,

    /// Copy what USER could have changed, too.
    ///
    /// A refusal names everybody who could. What they put there is run by root whenever a module is built.
    #[arg(long, value_name = "USER", value_hint = ValueHint::Username)]
    pub trust_owner: Vec<String>,

    /// Copy a tree that a package owns, too.
    #[arg(long)]
    pub force: bool,

    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// What to repair, and how.
#[derive(Debug, Args)]
pub struct Repair {
    /// The kernel whose link it is; without, the one that wants repair.
    #[arg(value_name = "RELEASE", conflicts_with = "all")]
    pub release: Option<OsString>,

    /// Repair every kernel in which no module can be built and that is needed or has a link.
    #[arg(long, conflicts_with = "undo")]
    pub all: bool,

    /// Look for trees below DIR, too; may be given several times.
    ///
    /// Links are not followed there, and file systems that are mounted below are not entered: name them.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "undo")]
    pub search: Vec<PathBuf>,

    /// Take a tree that USER can change, too.
    ///
    /// A refusal names everybody who could. What they put there is run by root whenever a module is built.
    #[arg(long, value_name = "USER", value_hint = ValueHint::Username, conflicts_with = "undo")]
    pub trust_owner: Vec<String>,

    /// Move a link that a package owns, or that somebody has moved since, too.
    #[arg(long)]
    pub force: bool,

    /// Move the links back to where they led before they were moved last.
    ///
    /// Even to where nothing is. Given again, it goes one step further back. Without a RELEASE, the links that were
    /// moved last, of whatever kernel.
    #[arg(long)]
    pub undo: bool,

    /// Say what would be done, and do nothing.
    #[arg(short = 'n', long)]
    pub dry_run: bool,
}

/// A change to ask about.
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Removing packages, or deleting files and directories.
    ///
    /// What depends on the packages goes with them, as it would in a real run. The exit status is 0 where that is
    /// allowed in silence, and 1 where it would be warned of or blocked.
    Remove {
        /// Installed packages, or absolute paths.
        #[arg(value_name = "NAME|PATH", required = true, value_hint = ValueHint::AnyPath)]
        what: Vec<OsString>,
    },
}

impl Options {
    /// Sends the log to stderr, as loudly as `-v` asks for; RUST_LOG does not count.
    pub(crate) fn start_logging(&self) {
        let level = match self.verbose {
            0 => log::LevelFilter::Off,
            1 => log::LevelFilter::Info,
            _ => log::LevelFilter::Debug,
        };
        let _ = env_logger::Builder::new().filter_level(level).format_timestamp(None).try_init();
    }
}
