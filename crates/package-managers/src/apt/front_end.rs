// SPDX-License-Identifier: MIT OR Apache-2.0
//! People's front ends that drive apt's library without telling it what was typed: aptitude and nala leave
//! `CommandLine::AsString` empty, as daemons do. Their process is the one that started apt's shell.

/// Programs that a person types.
const TYPED: [&str; 2] = ["aptitude", "nala"];

/// The command a person typed, if `words`, the command line of the process that runs apt's library, is that of such
/// a front end.
pub fn typed(words: &[String]) -> Option<String> {
    let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    // nala is a script: `/usr/bin/python3 /usr/bin/nala remove x`.
    let words = match words.first().map(name) {
        Some(program) if program.starts_with("python") => words.get(1..)?,
        _ => words,
    };
    let (program, rest) = words.split_first()?;
    let program = name(program);
    TYPED.contains(&program.as_str()).then(|| {
        let mut line = program;
        for word in rest {
            line.push(' ');
            line.push_str(word);
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_daemons() {
        let typed = |line: &str| typed(&line.split(' ').map(str::to_owned).collect::<Vec<String>>());
        assert_eq!(typed("/usr/bin/aptitude -y remove x").as_deref(), Some("aptitude -y remove x"));
        assert_eq!(typed("aptitude").as_deref(), Some("aptitude"));
        assert_eq!(typed("/usr/bin/python3 /usr/bin/nala remove x").as_deref(), Some("nala remove x"));
        assert_eq!(typed("/usr/bin/python3 /usr/bin/unattended-upgrade"), None);
        assert_eq!(typed("/usr/libexec/packagekitd"), None);
        assert_eq!(typed("python3"), None);
        assert_eq!(super::typed(&[]), None);
    }
}
