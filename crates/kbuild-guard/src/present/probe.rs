// SPDX-License-Identifier: MIT OR Apache-2.0
//! A probe shown: as one message, and as the `probe` object of docs/check.schema.json.

use serde::Serialize;

use crate::kernels::Kernel;
use crate::present::layout::wrapped;
use crate::probe::{Fit, Outcome, Probe};

/// The `probe` of a kernel in JSON.
#[derive(Debug, Default, Serialize)]
pub(super) struct Json {
    outcome: &'static str,
    reason: Option<String>,
    user: Option<String>,
    error: Option<String>,
    vermagic: Option<String>,
    loads: Option<bool>,
    compared: usize,
    disagreeing: Vec<Symbol>,
}

#[derive(Debug, Serialize)]
struct Symbol {
    symbol: String,
    kernel: String,
    module: String,
}

const NO_TREE: &str = "there is no tree to build in";

impl Json {
    /// Of this probe.
    pub(super) fn of(probe: &Probe) -> Self {
        let plain = |outcome| Json { outcome, user: probe.user.clone(), ..Json::default() };
        let because = |outcome, why: &str| Json { reason: Some(why.to_owned()), ..plain(outcome) };
        match &probe.outcome {
            Outcome::Failed(says) => Json { error: Some(says.clone()), ..plain("failed") },
            Outcome::Refused(why) => because("refused", why),
            Outcome::TimedOut(why) => because("timed-out", why),
            Outcome::NotRun(why) => because("not-run", why),
            Outcome::NoTree => because("not-run", NO_TREE),
            Outcome::Built(fit) => Json {
                reason: fit.refusal.clone(),
                vermagic: Some(fit.vermagic.clone()),
                loads: fit.told.then_some(fit.refusal.is_none()),
                compared: fit.compared,
                disagreeing: fit
                    .disagreeing
                    .iter()
                    .map(|one| Symbol {
                        symbol: one.symbol.clone(),
                        kernel: format!("{:#010x}", one.kernel),
                        module: format!("{:#010x}", one.module),
                    })
                    .collect(),
                ..plain("built")
            },
        }
    }
}

/// What is said of a probe.
pub fn text(kernel: &Kernel, probe: &Probe) -> String {
    let user = probe.user.as_deref().map(|user| format!(" as {user}")).unwrap_or_default();
    let said = match &probe.outcome {
        Outcome::Built(Fit { refusal: Some(why), .. }) => format!("a module was built{user} and would not load: {why}"),
        Outcome::Built(Fit { told: false, vermagic, .. }) => format!(
            "a module was built{user}, stamped '{}'; there is none of the kernel's own to compare it with",
            crate::quote::quoted_text(vermagic.trim_end())
        ),
        Outcome::Built(Fit { compared: 0, .. }) => {
            format!("a module was built{user}, and its version magic is the kernel's")
        }
        Outcome::Built(Fit { compared, .. }) => {
            format!("a module was built{user}; its version magic and {compared} symbols agree with the kernel's")
        }
        Outcome::Failed(says) => format!("no module could be built{user}: {says}"),
        Outcome::Refused(why) => format!("nothing was built: {why}"),
        Outcome::TimedOut(why) => format!("no answer{user}: {why}"),
        Outcome::NotRun(why) => format!("nothing was built: {why}"),
        Outcome::NoTree => format!("nothing was built: {NO_TREE}"),
    };
    format!("{}\n", wrapped(&format!("probe of kernel {}: {said}", kernel.release), 2, 0))
}
