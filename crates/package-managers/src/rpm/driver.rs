// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who drives rpm's library: its hooks are told nothing of that, and the processes above them are all there is to see.

use kbuild_guard::transaction::Driver;

/// Programs that a person types or clicks in; YaST's is a script in Ruby.
const TYPED: [&str; 12] =
    ["rpm", "dnf", "dnf-3", "dnf4", "dnf5", "yum", "yum4", "microdnf", "zypper", "y2base", "y2start", "myrlyn"];

/// Programs that nobody waits for. zypp-rpm is what libzypp starts for one transaction: whoever started that drives.
const UNATTENDED: [&str; 6] =
    ["dnf-automatic", "packagekitd", "dnf5daemon-server", "dnfdaemon-system", "rpm-ostree", "zypp-rpm"];

/// The process that drives, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its place among the processes that were looked at.
    pub place: usize,
    /// Its program, without directories.
    pub program: String,
    /// How it drives.
    pub driver: Driver,
}

/// From the command lines of the processes above a hook, the nearest first: of programs that start one another (zypper its
/// rpm, dnf-automatic its dnf) the one furthest up, or the one that has said that it commits, whatever that is. A program
/// that is none of those known is not a person's.
pub fn find(lines: &[Vec<String>], commits: Option<usize>) -> Option<Found> {
    let is_known = |words: &Vec<String>| {
        let program = without_interpreter(words).first().map(|word| name(word)).unwrap_or_default();
        TYPED.contains(&program) || UNATTENDED.contains(&program)
    };
    let furthest = || {
        let nearest = lines.iter().position(is_known)?;
        Some(nearest + lines.iter().skip(nearest + 1).take_while(|words| is_known(words)).count())
    };
    let place = commits.or_else(furthest)?;
    let words = without_interpreter(lines.get(place)?);
    let (program, rest) = words.split_first()?;
    let program = name(program);
    // `dnf5 automatic` is what its timer starts; `offline _execute` what a boot for an upgrade does.
    let verb = rest.iter().find(|word| !word.starts_with('-')).map(String::as_str);
    let is_typed = TYPED.contains(&program) && !matches!(verb, Some("automatic" | "offline"));
    let line = || rest.iter().fold(program.to_owned(), |line, word| format!("{line} {word}"));
    let driver = Driver { attended: is_typed, command_line: is_typed.then(line), ..Driver::default() };
    Some(Found { place, program: program.to_owned(), driver })
}

/// `/usr/bin/python3 -s /usr/bin/dnf remove x`: without the interpreter and its options.
fn without_interpreter(words: &[String]) -> &[String] {
    match words.split_first() {
        Some((program, rest)) if ["python", "ruby"].iter().any(|language| name(program).starts_with(language)) => {
            let options = rest.iter().take_while(|word| word.starts_with('-')).count();
            rest.get(options..).unwrap_or_default()
        }
        _ => words,
    }
}

fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[&str]) -> Option<(usize, Option<String>)> {
        found_in_commit(lines, None)
    }

    fn found_in_commit(lines: &[&str], commits: Option<usize>) -> Option<(usize, Option<String>)> {
        let lines: Vec<Vec<String>> = lines.iter().map(|line| line.split(' ').map(str::to_owned).collect()).collect();
        find(&lines, commits).map(|found| {
            assert_eq!(found.driver.attended, found.driver.command_line.is_some());
            (found.place, found.driver.command_line)
        })
    }

    #[test]
    fn people_and_daemons() {
        let typed = |place: usize, line: &str| Some((place, Some(line.to_owned())));
        assert_eq!(found(&["rpm -e x", "bash"]), typed(0, "rpm -e x"));
        assert_eq!(found(&["/usr/bin/python3 /usr/bin/dnf remove x", "sudo dnf"]), typed(0, "dnf remove x"));
        assert_eq!(found(&["/usr/bin/python3 -s /usr/bin/dnf-3 remove x"]), typed(0, "dnf-3 remove x"));
        assert_eq!(found(&["rpm --root / -e x", "zypper rm x", "bash"]), typed(1, "zypper rm x"));
        assert_eq!(found(&["/bin/sh -c x", "dnf5 -y remove x"]), typed(1, "dnf5 -y remove x"));
        assert_eq!(found(&["dnf5 automatic --timer"]), Some((0, None)));
        assert_eq!(found(&["/usr/bin/python3 /usr/bin/dnf-automatic /etc/dnf/automatic.conf"]), Some((0, None)));
        assert_eq!(found(&["rpm -e x", "/usr/libexec/packagekitd"]), Some((1, None)));
        let yast = "/usr/bin/ruby.ruby3.3 --encoding=utf-8 /usr/lib/YaST2/bin/y2start sw_single";
        assert_eq!(found_in_commit(&["rpm -e x", yast], Some(1)), typed(1, "y2start sw_single"));
        assert_eq!(found(&["dnf4 remove x"]), typed(0, "dnf4 remove x"));
        // Somebody's own program with libzypp in it.
        assert_eq!(found_in_commit(&["rpm -e x", "/usr/libexec/my-updater --all"], Some(1)), Some((1, None)));
        assert_eq!(found(&["/usr/lib/zypp/zypp-rpm", "/usr/libexec/my-updater"]), Some((0, None)));
        assert_eq!(found(&["/usr/lib/zypp/zypp-rpm", "zypper rm x"]), typed(1, "zypper rm x"));
        // Ansible's module is a script that uses dnf's library.
        assert_eq!(found(&["/usr/bin/python3 /root/.ansible/tmp/AnsiballZ_dnf.py", "sh"]), None);
        assert_eq!(found(&["python3", ""]), None);
    }
}
