// SPDX-License-Identifier: MIT OR Apache-2.0
//! Whom the daily report goes to: the table `[report]`.

use super::{Setting, Source};
use crate::quote::quoted;
use crate::sysroot::RootPath;

/// Where Debian's node_exporter looks for the metrics of others (prometheus-node-exporter.service there).
const METRICS_DIR: &str = "/var/lib/prometheus/node-exporter";

/// Whom the report goes to. `status.json` is always written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportTo {
    /// Whether the journal is told.
    pub journal: bool,
    /// Whether whoever logs in is told of kernels that are needed and not ready.
    pub notice: bool,
    /// Where metrics are written.
    pub metrics: Metrics,
}

/// Where metrics are written for node_exporter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    None,
    /// Where the distribution's node_exporter looks, if that is there.
    Usual(RootPath),
    /// There; it must be there.
    At(RootPath),
}

impl Metrics {
    /// In this directory. To name the usual one is to say what holds anyway.
    pub(super) fn at(dir: &str) -> Self {
        let usual = Metrics::default();
        let dir = RootPath::new(dir);
        if usual.dir() == Some(&dir) { usual } else { Metrics::At(dir) }
    }

    /// The directory, if there is to be one.
    pub fn dir(&self) -> Option<&RootPath> {
        match self {
            Metrics::None => None,
            Metrics::Usual(dir) | Metrics::At(dir) => Some(dir),
        }
    }

    /// As it stands in the configuration, fit for a terminal.
    pub fn shown(&self) -> String {
        self.dir().map(quoted).unwrap_or_default()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::Usual(RootPath::new(METRICS_DIR))
    }
}

impl Default for ReportTo {
    fn default() -> Self {
        ReportTo { journal: true, notice: true, metrics: Metrics::default() }
    }
}

/// The same with the place of every word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportSettings {
    /// `report.journal`
    pub journal: Setting<bool>,
    /// `report.notice`
    pub notice: Setting<bool>,
    /// `report.metrics_dir`
    pub metrics: Setting<Metrics>,
}

impl ReportSettings {
    /// What they come to.
    pub fn in_force(&self) -> ReportTo {
        ReportTo { journal: self.journal.value, notice: self.notice.value, metrics: self.metrics.value.clone() }
    }
}

impl Default for ReportSettings {
    fn default() -> Self {
        fn unsaid<T>(value: T) -> Setting<T> {
            Setting { value, source: Source::Default, overridden: Vec::new() }
        }
        let ReportTo { journal, notice, metrics } = ReportTo::default();
        ReportSettings { journal: unsaid(journal), notice: unsaid(notice), metrics: unsaid(metrics) }
    }
}
