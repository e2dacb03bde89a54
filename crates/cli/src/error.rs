// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong for the command, shown once, at the top.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;

use kbuild_guard::package_db::PackageId;
use kbuild_guard::preserve::Refusal;
use kbuild_guard::quote::{quoted, quoted_os, quoted_text};
use kbuild_guard::release::Release;
use kbuild_guard::sysroot::RootPath;

use crate::exit::Exit;

/// An error of the command.
#[derive(Debug)]
pub(crate) enum Error {
    /// Something below could not be found out.
    Common(kbuild_guard::error::Error),
    /// A release that was named is no installed kernel.
    NotInstalled(Release),
    /// What was asked about is neither a kernel nor a finding.
    NoSubject(String),
    /// There is no running kernel in this root to explain.
    NoRunning,
    /// A word that names a kernel, a finding or a package is no text; it is fit for a terminal here.
    NotText(String),
    /// A package that was named is not installed.
    NoPackage(PackageId),
    /// A path that was named does not exist.
    NoPath(RootPath),
    /// A probe in another root than the running system's.
    ProbeElsewhere(PathBuf),
    /// A place for a copy that is no absolute path; it is fit for a terminal here.
    NoPlace(String),
    /// Several kernels want repair, and none was named.
    SeveralWant(Vec<Release>),
    /// The answer could not be written.
    Output(std::io::Error),
}

impl Error {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Error::Common(kbuild_guard::error::Error::BadRelease { .. })
            | Error::NotInstalled(_)
            | Error::NoSubject(_)
            | Error::NoRunning
            | Error::NotText(_)
            | Error::NoPackage(_)
            | Error::NoPath(_)
            | Error::NoPlace(_)
            | Error::SeveralWant(_)
            | Error::Common(kbuild_guard::error::Error::Refused(Refusal::NotRoot))
            | Error::ProbeElsewhere(_) => Exit::Usage,
            Error::Common(kbuild_guard::error::Error::Refused(_)) => Exit::Findings,
            Error::Common(_) | Error::Output(_) => Exit::Unknown,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Common(error) => error.fmt(f),
            Error::NotInstalled(release) => {
                write!(f, "{release} is not an installed kernel here; 'kbuild-guard status' lists them")
            }
            Error::NoSubject(text) => write!(f, "{text} is neither an installed kernel nor a finding (KBGnnn)"),
            Error::NoRunning => write!(f, "the running kernel is not installed here: name a kernel or a finding"),
            Error::NotText(word) => write!(f, "{word} is not UTF-8: no kernel, finding or package has such a name"),
            Error::NoPackage(package) => {
                write!(f, "no package {} is installed here", quoted_text(package.as_str()))
            }
            Error::NoPath(path) => write!(f, "{} does not exist", quoted(path)),
            Error::ProbeElsewhere(root) => write!(
                f,
                "--probe builds in the running system only: call kbuild-guard inside of {}",
                quoted_os(root.as_os_str())
            ),
            Error::NoPlace(path) => write!(f, "{path} is not the absolute path of a directory"),
            Error::SeveralWant(releases) => {
                let releases: Vec<&str> = releases.iter().map(Release::as_str).collect();
                write!(f, "several kernels want repair: {}; name one, or say --all", releases.join(", "))
            }
            Error::Output(error) => write!(f, "cannot write the answer: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<kbuild_guard::error::Error> for Error {
    fn from(error: kbuild_guard::error::Error) -> Self {
        Error::Common(error)
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::Output(error)
    }
}

/// A word of the command line that must be text.
pub(crate) fn text(word: &OsStr) -> Result<&str> {
    word.to_str().ok_or_else(|| Error::NotText(quoted_os(word)))
}

/// The command's result.
pub(crate) type Result<T> = std::result::Result<T, Error>;
