// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a guest reports of its steps on the second serial line (run.sh writes it).

use crate::root::Outcome;

/// The words that frame a step, for one boot.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    token: String,
}

impl Frame {
    /// `token` is one that no step can know.
    pub(super) fn new(token: &str) -> Self {
        Self { token: token.to_owned() }
    }

    /// Whether the guest says that all steps have run.
    pub(super) fn is_done(&self, report: &[u8]) -> bool {
        let done = format!("\n{} done\n", self.token);
        // Nothing comes after it.
        report.ends_with(done.as_bytes())
    }

    /// How each of `steps` that ran to its end ended, in order.
    pub(super) fn outcomes(&self, report: &[u8], steps: &[String]) -> Vec<Outcome> {
        let text = String::from_utf8_lossy(report);
        let mut rest = text.as_ref();
        let mut outcomes = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            let begin = format!("\n{} begin {number}\n", self.token);
            let end = format!("\n{} end {number} ", self.token);
            let Some((_, after)) = rest.split_once(&begin) else { break };
            let Some((output, after)) = after.split_once(&end) else { break };
            let Some((code, after)) = after.split_once('\n') else { break };
            let Ok(code) = code.parse() else { break };
            outcomes.push(Outcome { command: step.clone(), code, output: output.to_owned() });
            // The next frame begins with the line end that closes this one.
            rest = after;
        }
        outcomes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_apart_and_keep_their_bytes() {
        let report = b"\nT begin 0\none\n\nT end 0 0\n\nT begin 1\nT end 1 7\nno line end\nT end 1 100\n\nT done\n";
        let steps = ["first".to_owned(), "second".to_owned(), "never run".to_owned()];
        let frame = Frame::new("T");
        let outcomes = frame.outcomes(report, &steps);
        let told: Vec<(&str, i32, &str)> =
            outcomes.iter().map(|one| (one.command.as_str(), one.code, one.output.as_str())).collect();
        assert_eq!(told, [("first", 0, "one\n"), ("second", 100, "T end 1 7\nno line end")]);
        assert!(frame.is_done(report));
        assert!(!frame.is_done(&report[..report.len() - 1]));
    }

    #[test]
    fn a_step_that_was_cut_off_is_none() {
        let steps = ["first".to_owned()];
        assert!(Frame::new("T").outcomes(b"\nT begin 0\nhalf", &steps).is_empty());
        assert!(Frame::new("T").outcomes(b"\nT begin 0\n\nT end 0 ", &steps).is_empty());
    }
}
