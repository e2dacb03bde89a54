// SPDX-License-Identifier: MIT OR Apache-2.0
//! What one process opened and executed, as `strace -y -ff -e trace=%file` writes it: one file a process.

use std::collections::BTreeSet;

/// Files, by absolute paths.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// Opened with success; as the kernel names them, links followed.
    pub(crate) opened: BTreeSet<String>,
    /// Executed with success; as named by whoever did it.
    pub(crate) executed: BTreeSet<String>,
}

/// Reads the lines of one process.
///
/// A program is executed by a name that may be relative to a directory that the line does not tell. The next line that
/// names AT_FDCWD tells it: a program's first act is to open its libraries.
pub(crate) fn read(lines: &str, used: &mut Used) {
    let mut waiting: Option<String> = None;
    for line in lines.lines() {
        if let (Some(relative), Some(directory)) = (&waiting, working_directory(line)) {
            used.executed.insert(join(directory, relative));
            waiting = None;
        }
        let Some((call, rest)) = line.split_once('(') else { continue };
        match call {
            "open" | "openat" | "openat2" => used.opened.extend(opened(rest)),
            "execve" | "execveat" if rest.ends_with(" = 0") => match first_string(rest) {
                Some(path) if path.starts_with('/') => drop(used.executed.insert(path)),
                other => waiting = other,
            },
            _ => {}
        }
    }
}

/// `= 3</usr/include/x.h>`: the kernel's own name for what was opened.
fn opened(rest: &str) -> Option<String> {
    let (_, result) = rest.rsplit_once(" = ")?;
    let (_, path) = result.split_once('<')?;
    let path = path.strip_suffix('>')?;
    path.starts_with('/').then(|| path.to_owned())
}

/// `AT_FDCWD</tmp/m>`
fn working_directory(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once("AT_FDCWD<")?;
    Some(rest.split_once('>')?.0)
}

fn first_string(rest: &str) -> Option<String> {
    let (_, rest) = rest.split_once('"')?;
    Some(rest.split_once('"')?.0.to_owned())
}

fn join(directory: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            // Links are followed later, by the root itself; kbuild names no program through `..` behind one.
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn used(lines: &str) -> Used {
        let mut used = Used::default();
        read(lines, &mut used);
        used
    }

    #[test]
    fn opened_files_are_named_as_the_kernel_names_them() {
        let lines = "openat(AT_FDCWD</t/link>, \"./include/x.h\", O_RDONLY|O_NOCTTY) = 4</usr/src/h/include/x.h>\n\
                     openat(AT_FDCWD</t>, \"y.h\", O_RDONLY) = -1 ENOENT (No such file or directory)\n\
                     access(\"/t/z\", F_OK) = 0\n\
                     openat(AT_FDCWD</t>, \"a\", O_RDONLY) = 5<pipe:[1]>\n";
        assert_eq!(used(lines).opened, BTreeSet::from(["/usr/src/h/include/x.h".to_owned()]));
    }

    #[test]
    fn a_relative_program_is_found_by_what_it_does_next() {
        let lines = "execve(\"/bin/sh\", [\"/bin/sh\", \"-c\"], 0x7f /* 3 vars */) = 0\n\
                     access(\"/etc/ld.so.preload\", R_OK) = -1 ENOENT (No such file or directory)\n\
                     execve(\"./scripts/basic/fixdep\", [\"x = 0\"], 0x7f /* 3 vars */) = 0\n\
                     openat(AT_FDCWD</usr/src/h>, \"/etc/ld.so.cache\", O_RDONLY) = 3</etc/ld.so.cache>\n\
                     execve(\"nothing\", [\"x\"], 0x7f) = -1 ENOENT (No such file or directory)\n\
                     openat(AT_FDCWD</usr/src>, \"/etc/ld.so.cache\", O_RDONLY) = 3</etc/ld.so.cache>\n";
        let executed: Vec<String> = used(lines).executed.into_iter().collect();
        assert_eq!(executed, ["/bin/sh", "/usr/src/h/scripts/basic/fixdep"]);
    }

    #[test]
    fn cut_lines_are_no_matter() {
        assert_eq!(
            used("openat(AT_FDCWD</t\nexecve(\"x\nopenat(A, \"b\") = 3</c\n+++ exited with 0 +++"),
            Used::default()
        );
    }

    #[test]
    fn directories_are_joined() {
        assert_eq!(join("/a/b", "./c//d"), "/a/b/c/d");
        assert_eq!(join("/a/b", "../c"), "/a/c");
        assert_eq!(join("/", "c"), "/c");
    }
}
