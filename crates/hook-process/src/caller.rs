// SPDX-License-Identifier: MIT OR Apache-2.0
//! Who called: the processes above this one. Package managers start their hooks by a shell and tell some of them
//! nothing; what was typed stands in `/proc` (proc_pid_cmdline(5), proc_pid_stat(5)).

use std::fs::File;
use std::io::Read;

/// As much of a command line as is looked at; the kernel allows megabytes.
const LONGEST: u64 = 1 << 20;

/// A process above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its number and when it started: never another's, though numbers are used again.
    pub identity: String,
    /// Its command line, word by word; bytes that are no UTF-8 are replaced.
    pub words: Vec<String>,
}

impl Process {
    /// The name of its program, without directories.
    pub fn program(&self) -> &str {
        self.words.first().map(|word| file_name(word)).unwrap_or_default()
    }
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The processes above this one, the nearest first, at most `most`; fewer where they cannot be seen.
pub fn above(most: usize) -> Vec<Process> {
    let mut processes = Vec::new();
    let mut next = stat("self").map(|(parent, _)| parent);
    while let Some(number) = next.filter(|number| *number > 0 && processes.len() < most) {
        let Some((parent, started)) = stat(&number.to_string()) else { break };
        let Some(line) = read(&format!("/proc/{number}/cmdline")) else { break };
        let line = String::from_utf8_lossy(&line);
        let words = line.strip_suffix('\0').unwrap_or(&line).split('\0').map(str::to_owned).collect();
        processes.push(Process { identity: format!("{number} {started}"), words });
        next = Some(parent);
    }
    processes
}

/// The parent and the starting time of a process.
fn stat(process: &str) -> Option<(u32, u64)> {
    let bytes = read(&format!("/proc/{process}/stat"))?;
    let text = String::from_utf8_lossy(&bytes);
    // The second field is the program's name in parentheses, and may hold blanks and parentheses itself. What follows
    // is the state (3), the parent (4) and, as field 22, the starting time.
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

fn read(path: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_who_started_this() {
        // cargo, nextest or a shell: whoever it is, it has a command line and a parent.
        let processes = above(1);
        assert_eq!(processes.len(), 1);
        assert!(!processes[0].program().is_empty());
        assert!(processes[0].identity.starts_with(&format!("{} ", std::os::unix::process::parent_id())));
        assert!(above(1000).len() < 1000);
        assert_eq!(file_name("/usr/bin/dpkg"), "dpkg");
    }
}
