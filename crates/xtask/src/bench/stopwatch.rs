// SPDX-License-Identifier: MIT OR Apache-2.0
//! Times and peak memory of commands in a root, by hyperfine and time(1), as rows of a table.

use std::fmt::Write as _;

use test_roots::{Outcome, Root};

/// A command to measure.
pub(super) struct Case {
    name: String,
    command: String,
    before: Option<String>,
}

impl Case {
    /// By the name that stands in the table.
    pub(super) fn new(name: &str, command: &str) -> Self {
        Case { name: name.to_owned(), command: command.to_owned(), before: None }
    }

    /// With a command that runs before each measured run and is not measured.
    pub(super) fn after(self, command: &str) -> Self {
        Case { before: Some(command.to_owned()), ..self }
    }
}

/// What was measured.
pub(super) struct Measured {
    name: String,
    /// Seconds.
    mean: f64,
    deviation: f64,
    /// Peak resident memory in kilobytes, of the largest process.
    memory: u64,
}

/// Measures all in one run.
pub(super) fn measure(root: &Root, cases: &[Case]) -> test_roots::Result<Vec<Measured>> {
    let mut measured = Vec::new();
    for Case { name, command, before } in cases {
        println!("xtask: bench: {name}");
        let prepare = before.as_ref().map(|before| format!("--prepare 'sh -c \"{before}\"'")).unwrap_or_default();
        // -N: no shell of hyperfine's own in between. -i: findings are an exit status too.
        let script = format!(
            "hyperfine -N -i {prepare} --warmup 5 --min-runs 30 --export-json /tmp/bench.json '{command}' >/dev/null && \
             jq -r '.results[0] | \"\\(.mean) \\(.stddev)\"' /tmp/bench.json"
        );
        let Outcome { output, .. } = root.sh(&script)?.success()?;
        let mut numbers = output.split_ascii_whitespace().filter_map(|number| number.parse::<f64>().ok());
        let (mean, deviation) = (numbers.next().unwrap_or(f64::NAN), numbers.next().unwrap_or(f64::NAN));
        let script = format!("/usr/bin/time -o /tmp/memory -f %M {command} >/dev/null 2>&1; tail -n 1 /tmp/memory");
        let memory = root.sh(&script)?.output.trim().parse().unwrap_or(0);
        measured.push(Measured { name: name.clone(), mean, deviation, memory });
    }
    Ok(measured)
}

/// The table; the first case is what the others are compared with.
pub(super) fn rows(measured: &[Measured]) -> String {
    let mut table =
        String::from("| case | mean | σ | against the first | peak memory |\n| --- | ---: | ---: | ---: | ---: |\n");
    let first = measured.first().map_or(f64::NAN, |first| first.mean);
    for Measured { name, mean, deviation, memory } in measured {
        let _ = writeln!(
            table,
            "| {name} | {:.2} ms | {:.2} ms | {:.1}x | {:.1} MB |",
            mean * 1e3,
            deviation * 1e3,
            mean / first,
            *memory as f64 / 1e3,
        );
    }
    table
}
