// SPDX-License-Identifier: MIT OR Apache-2.0
//! Verdicts on many faults of one file each, in one root: the file is put back after each, and in the end the program has
//! to say again what it said before the first.

use test_roots::Root;

use crate::case::Case;
use crate::error::Result;
use crate::verdict::{Program, Verdict};

/// So many go into one root.
pub(crate) const SIZE: usize = 40;

/// Begins the line before each answer. No answer holds it: JSON has no control characters in it.
const MARK: char = '\u{1e}';

/// What is done for all: asks, and says with which code and words it was answered. What the program remembers of one look
/// must not spare it the next.
const ASK: &str = r#"ask() {
    rm -rf /var/lib/kbuild-guard /run/kbuild-guard
    code=0
    kbuild-guard check --json "$R" >/tmp/answer 2>/tmp/words || code=$?
    printf '\036%s %s\n' "$1" "$code"
    cat /tmp/answer
    [ -s /tmp/answer ] || cat /tmp/words
}
"#;

/// The verdicts on these cases, each of which harms one file; `None` where the undoing did not prove itself, or a fault
/// could not be made: such cases are to be asked for one by one.
pub(crate) fn judge(root: &Root, program: &Program, release: &str, cases: &[&Case]) -> Result<Option<Vec<Verdict>>> {
    program.lay(root)?;
    let mut script = format!("{ASK}ask before\n");
    for (number, case) in cases.iter().enumerate() {
        let Some(file) = &case.harms else { return Ok(None) };
        let file = quoted(file);
        script.push_str(&format!(
            "cp -a {file} /tmp/kept\n( {} )\nask {number}\nrm -rf {file}\nmv /tmp/kept {file}\n",
            case.script
        ));
    }
    script.push_str("ask after\n");
    let said = root.command(&["sh", "-e"]).stdin_bytes(script).env("R", release).split()?;
    if said.code != 0 {
        return Ok(None);
    }
    let answers: Vec<Verdict> = said.stdout.split(MARK).skip(1).map(answer).collect();
    let [before, verdicts @ .., after] = answers.as_slice() else { return Ok(None) };
    let is_proven = before == after && verdicts.len() == cases.len();
    Ok(is_proven.then(|| verdicts.to_vec()))
}

/// `NUMBER CODE`, and what was said.
fn answer(text: &str) -> Verdict {
    let (head, words) = text.split_once('\n').unwrap_or((text, ""));
    let code = head.rsplit(' ').next().and_then(|code| code.parse().ok()).unwrap_or(-1);
    Verdict::read(words.as_bytes(), code, words)
}

fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_and_a_failure_is_one() {
        let verdict = answer("3 0\n{\"schema\": 1, \"kernels\": [{\"state\": \"ready\", \"findings\": []}]}\n");
        assert_eq!(verdict.state, "ready");
        assert_eq!(answer("3 101\npanicked").state, "exit 101: panicked");
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quoted("/a b'c"), "'/a b'\\''c'");
    }
}
