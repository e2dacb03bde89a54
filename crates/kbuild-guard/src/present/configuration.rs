// SPDX-License-Identifier: MIT OR Apache-2.0
//! The configuration in force and where every word of it comes from: what `config` prints, and
//! docs/config.schema.json.

use serde::Serialize;

use crate::policy::{Configuration, Fate, Ignore, Metrics, ReportSettings, Setting, Source, Warning};
use crate::present::SCHEMA;
use crate::present::layout::{row, wrapped};
use crate::quote::{quoted, quoted_text};

/// All of it, for people.
pub fn text(configuration: &Configuration) -> String {
    let Configuration { mode, ignore, report, files, warnings } = configuration;
    let mut out = row("mode", mode.value.as_str());
    out.push_str(&origin(mode, |mode| mode.as_str().to_owned()));
    let mut label = "ignore";
    for (ignore, source) in &ignore.value {
        out.push_str(&row(label, &said(ignore)));
        out.push_str(&row("", &format!("from {source}")));
        label = "";
    }
    if ignore.value.is_empty() {
        out.push_str(&row(label, "nothing"));
        out.push_str(&origin(ignore, |list| list_of(list)));
    } else {
        out.push_str(&instead(ignore, |list| list_of(list)));
    }
    out.push_str(&report_rows(report));
    let mut label = "files";
    for (path, fate) in files {
        let what = match fate {
            Fate::Read => "",
            Fate::Masked => " (a link to /dev/null: empty)",
            Fate::Unusable => " (passed over, see below)",
            Fate::NotToml => " (passed over: its name does not end in .toml)",
        };
        out.push_str(&row(label, &format!("{}{what}", quoted(path))));
        label = "";
    }
    if files.is_empty() {
        out.push_str(&row(label, "none: these are the defaults"));
    }
    for one in warnings {
        out.push_str(&format!("\n{}", warning(one)));
        out.push_str(&row("do", &one.advice));
    }
    out
}

/// Whom the daily report goes to.
fn report_rows(report: &ReportSettings) -> String {
    let ReportSettings { journal, notice, metrics } = report;
    let word = |is_on: &bool| if *is_on { "yes" } else { "no" }.to_owned();
    let place = |metrics: &Metrics| match metrics {
        Metrics::None => "no".to_owned(),
        Metrics::Usual(_) => format!("{}, if it is there", metrics.shown()),
        Metrics::At(_) => metrics.shown(),
    };
    let mut out = row("journal", &word(&journal.value)) + &origin(journal, word);
    out.push_str(&(row("notice", &word(&notice.value)) + &origin(notice, word)));
    out.push_str(&(row("metrics", &place(&metrics.value)) + &origin(metrics, place)));
    out
}

/// One warning, as every program of ours says it.
pub fn warning(warning: &Warning) -> String {
    format!("{}\n", wrapped(&format!("kbuild-guard: warning: {warning}"), 2, 0))
}

fn origin<T: PartialEq>(setting: &Setting<T>, shown: impl Fn(&T) -> String) -> String {
    let from = match &setting.source {
        Source::Default => "by default".to_owned(),
        Source::File { .. } => format!("from {}", setting.source),
        Source::Environment => format!("from {} in the environment, for this run", setting.source),
    };
    row("", &from) + &instead(setting, shown)
}

/// What would hold without the last word: what an admin who wonders looks for.
fn instead<T: PartialEq>(setting: &Setting<T>, shown: impl Fn(&T) -> String) -> String {
    let others = setting.overridden.iter().rev().filter(|(_, source)| *source != Source::Default);
    others.map(|(value, source)| row("", &format!("instead of {} from {source}", shown(value)))).collect()
}

fn said(ignore: &Ignore) -> String {
    format!("{} on {}", ignore.finding.code(), quoted_text(&ignore.release))
}

fn list_of(list: &[(Ignore, Source)]) -> String {
    match list {
        [] => "nothing".to_owned(),
        list => list.iter().map(|(ignore, _)| said(ignore)).collect::<Vec<String>>().join(", "),
    }
}

/// What `config --json` prints.
#[derive(Debug, Serialize)]
pub struct Json {
    schema: u32,
    mode: SettingEntry<&'static str>,
    ignore: SettingEntry<Vec<IgnoreEntry>>,
    report: ReportEntry,
    files: Vec<FileEntry>,
    warnings: Vec<WarningEntry>,
}

#[derive(Debug, Serialize)]
struct ReportEntry {
    journal: SettingEntry<bool>,
    notice: SettingEntry<bool>,
    metrics_dir: SettingEntry<Option<String>>,
}

#[derive(Debug, Serialize)]
struct SettingEntry<T> {
    value: T,
    source: SourceEntry,
    overridden: Vec<Overridden<T>>,
}

#[derive(Debug, Serialize)]
struct Overridden<T> {
    value: T,
    source: SourceEntry,
}

#[derive(Debug, Serialize)]
struct IgnoreEntry {
    finding: &'static str,
    release: String,
    source: SourceEntry,
}

#[derive(Debug, Serialize)]
struct SourceEntry {
    kind: &'static str,
    path: Option<String>,
    line: Option<usize>,
}

#[derive(Debug, Serialize)]
struct FileEntry {
    path: String,
    fate: &'static str,
}

#[derive(Debug, Serialize)]
struct WarningEntry {
    source: SourceEntry,
    problem: String,
    advice: String,
}

impl Json {
    /// Of this configuration.
    pub fn of(configuration: &Configuration) -> Self {
        let Configuration { mode, ignore, report, files, warnings } = configuration;
        let dir = |metrics: &Metrics| metrics.dir().map(|dir| dir.as_path().to_string_lossy().into_owned());
        Json {
            schema: SCHEMA,
            mode: setting(mode, |mode| mode.as_str()),
            ignore: setting(ignore, |list| list.iter().map(ignored).collect()),
            report: ReportEntry {
                journal: setting(&report.journal, |is_on| *is_on),
                notice: setting(&report.notice, |is_on| *is_on),
                metrics_dir: setting(&report.metrics, dir),
            },
            files: files
                .iter()
                .map(|(path, fate)| FileEntry {
                    path: path.as_path().to_string_lossy().into_owned(),
                    fate: match fate {
                        Fate::Read => "read",
                        Fate::Masked => "masked",
                        Fate::Unusable => "unusable",
                        Fate::NotToml => "not-toml",
                    },
                })
                .collect(),
            warnings: warnings
                .iter()
                .map(|one| WarningEntry {
                    source: source(&one.at),
                    problem: one.problem.clone(),
                    advice: one.advice.clone(),
                })
                .collect(),
        }
    }
}

fn setting<T, J>(setting: &Setting<T>, json: impl Fn(&T) -> J) -> SettingEntry<J> {
    SettingEntry {
        value: json(&setting.value),
        source: source(&setting.source),
        overridden: setting
            .overridden
            .iter()
            .map(|(value, said_by)| Overridden { value: json(value), source: source(said_by) })
            .collect(),
    }
}

fn ignored((ignore, said_by): &(Ignore, Source)) -> IgnoreEntry {
    IgnoreEntry { finding: ignore.finding.code(), release: ignore.release.clone(), source: source(said_by) }
}

fn source(source: &Source) -> SourceEntry {
    match source {
        Source::Default => SourceEntry { kind: "default", path: None, line: None },
        Source::File { path, line } => SourceEntry {
            kind: "file",
            path: Some(path.as_path().to_string_lossy().into_owned()),
            line: (*line > 0).then_some(*line),
        },
        Source::Environment => SourceEntry { kind: "environment", path: None, line: None },
    }
}
