// SPDX-License-Identifier: MIT OR Apache-2.0
//! Which packages apt would install from a repository, asked without network: `apt-cache policy` reads the index
//! files that the last `apt-get update` left, and the admin's pins (apt_preferences(5)).

use kbuild_guard::sysroot::{RootPath, Sysroot};

use super::ask::ask;

/// Of `names`, those that apt has a candidate for in some repository, in the same order; `None` if apt could not be asked.
pub(super) fn offered(root: &Sysroot, names: &[&str]) -> Option<Vec<String>> {
    // Without any index nobody knows what there is.
    let lists = root.list(&RootPath::new("/var/lib/apt/lists"), 4096).unwrap_or_default();
    if !lists.iter().any(|file| file.name.to_string_lossy().contains("_Packages")) {
        return None;
    }
    if names.is_empty() || !names.iter().all(|name| is_name(name)) {
        return None;
    }
    let text = ask(root, "apt-cache", &[&["-q", "policy", "--"], names].concat())?;
    let have = with_candidates(&text);
    Some(names.iter().filter(|name| have.contains(name)).map(|name| (*name).to_owned()).collect())
}

/// The packages of `apt-cache policy`'s answer whose candidate stands in a repository. dpkg's own database, where a
/// package that is installed always stands, can bring nothing back.
///
/// ```text
/// linux-headers-6.1.0-50-amd64:
///   Installed: 6.1.190-1
///   Candidate: 6.1.190-1
///   Version table:
///  *** 6.1.190-1 500
///         500 http://deb.debian.org/debian bookworm/main amd64 Packages
///         100 /var/lib/dpkg/status
/// ```
fn with_candidates(policy: &str) -> Vec<&str> {
    let mut have = Vec::new();
    let (mut package, mut candidate, mut is_candidate) = ("", "", false);
    for line in policy.lines() {
        let indent = line.len() - line.trim_start().len();
        let text = line.trim_start();
        if indent == 0 {
            (package, candidate, is_candidate) = (text.trim_end_matches(':'), "", false);
        } else if let Some(version) = text.strip_prefix("Candidate: ") {
            candidate = version;
        } else if line.starts_with(" *** ") || (indent == 5 && !text.is_empty()) {
            let version = text.trim_start_matches("*** ").split(' ').next().unwrap_or_default();
            is_candidate = version == candidate;
        } else if indent >= 8 && is_candidate && !text.ends_with("/dpkg/status") && !have.contains(&package) {
            have.push(package);
        }
    }
    have
}

/// A package's name, with or without its architecture (Debian Policy 5.6.7).
pub(super) fn is_name(name: &str) -> bool {
    name.len() >= 2
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.:".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_stands_in_a_repository() {
        let source = "        500 http://deb.debian.org/debian bookworm/main amd64 Packages\n";
        let installed = "        100 /var/lib/dpkg/status\n";
        let entry = |name: &str, candidate: &str, table: &str| {
            format!("{name}:\n  Installed: 1.0\n  Candidate: {candidate}\n  Version table:\n{table}")
        };
        let policy = entry("both", "1.0", &format!(" *** 1.0 500\n{source}{installed}"))
            + &entry("only-installed", "1.0", &format!(" *** 1.0 100\n{installed}"))
            + &entry("newer", "2.0", &format!("     2.0 500\n{source} *** 1.0 100\n{installed}"))
            + &entry("pinned-away", "(none)", &format!(" *** 1.0 -1\n{source}{installed}"))
            + &entry("held-back", "1.0", &format!("     2.0 -1\n{source} *** 1.0 100\n{installed}"))
            + &entry("virtual", "(none)", "");
        assert_eq!(with_candidates(&policy), ["both", "newer"]);
        assert!(with_candidates("N: Unable to locate package x\n\n:\n        \n").is_empty());
    }
}
