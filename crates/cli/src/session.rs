// SPDX-License-Identifier: MIT OR Apache-2.0
//! What every verb works with: the options, the system, the policy.

use std::ffi::OsString;
use std::str::FromStr;

use kbuild_guard::assess::{self, Assessment};
use kbuild_guard::kernels::Kernel;
use kbuild_guard::policy::{Configuration, Policy};
use kbuild_guard::present::configuration::warning as text_of;
use kbuild_guard::present::{Owners, json};
use kbuild_guard::probe::Probe;
use kbuild_guard::quote;
use kbuild_guard::release::Release;
use kbuild_guard::report;
use kbuild_guard::survey::{Depth, System};
use kbuild_guard::sysroot::Sysroot;

use crate::error::{Error, Result, text};
use crate::exit::Exit;
use crate::options::{Options, Verb};
use crate::output;

/// One run of the command.
pub(crate) struct Session<'o> {
    pub(crate) options: &'o Options,
    pub(crate) system: System,
    pub(crate) policy: Policy,
    pub(crate) configuration: Configuration,
}

impl<'o> Session<'o> {
    /// Opens the root and reads the configuration, complaining about what is wrong in it, except where that
    /// is the answer itself.
    pub(crate) fn begin(options: &'o Options) -> Result<Self> {
        let root = Sysroot::open(&options.root)?;
        let configuration = Configuration::load(&root);
        if !matches!(options.verb, Verb::Config) {
            for warning in &configuration.warnings {
                output::say(&text_of(warning));
            }
        }
        let policy = configuration.policy();
        Ok(Session { options, system: package_managers::system(root), policy, configuration })
    }

    /// The kernels that are named, each of which must be installed; all of them if none is.
    pub(crate) fn assess(&self, releases: &[OsString]) -> Result<Vec<Assessment>> {
        let wanted: Vec<Release> =
            releases.iter().map(|word| Ok(Release::from_str(text(word)?)?)).collect::<Result<_>>()?;
        let is_wanted = |kernel: &Kernel| wanted.is_empty() || wanted.contains(&kernel.release);
        let assessments = self.system.survey(is_wanted, Depth::Whole)?;
        if wanted.is_empty() {
            report::settle(&self.system.root, &assessments, &self.policy);
        }
        for release in wanted {
            if !assessments.iter().any(|assessment| assessment.kernel.release == release) {
                return Err(Error::NotInstalled(release));
            }
        }
        Ok(assessments)
    }

    /// After something was mended: the notice for whoever logs in goes where it is not true any more.
    pub(crate) fn settle(&self) {
        let root = &self.system.root;
        if report::is_noticed(root) {
            match self.system.survey(|_| true, Depth::Whole) {
                Ok(all) => report::settle(root, &all, &self.policy),
                Err(error) => log::debug!("{error}"),
            }
        }
    }

    /// Finds out what mends the findings of these assessments.
    pub(crate) fn advise(&self, assessments: &mut [Assessment]) {
        let at_fault = assessments.iter_mut().filter(|assessment| assessment.is_at_fault());
        assess::advise(at_fault, self.system.advisor.as_ref());
    }

    /// Who owns the hops of these assessments.
    pub(crate) fn owners(&self, assessments: &[Assessment]) -> Result<Owners> {
        Ok(Owners::of(self.system.db.as_ref(), assessments)?)
    }

    /// Whether there is something to do about a kernel that the admin does not know of already.
    pub(crate) fn is_at_fault(&self, assessment: &Assessment) -> bool {
        assessment.without_ignored(&self.policy).is_at_fault()
    }

    /// The exit status that these assessments come to.
    pub(crate) fn exit(&self, assessments: &[Assessment]) -> Exit {
        use kbuild_guard::assess::State;
        if assessments.iter().any(|assessment| assessment.state() == State::Unknown) {
            Exit::Unknown
        } else if assessments.iter().any(|assessment| self.is_at_fault(assessment)) {
            Exit::Findings
        } else {
            Exit::Well
        }
    }

    /// Prints assessments as JSON.
    pub(crate) fn print_json(&self, assessments: &[Assessment]) -> Result<()> {
        self.print_json_with(assessments, &[])
    }

    /// Prints assessments and what their probes came to as JSON.
    pub(crate) fn print_json_with(&self, assessments: &[Assessment], probes: &[Probe]) -> Result<()> {
        let owners = self.owners(assessments)?;
        self.print_value(&json::Check::of(assessments, &owners, &self.policy).with_probes(probes))
    }

    /// Prints one JSON value.
    pub(crate) fn print_value(&self, value: &impl serde::Serialize) -> Result<()> {
        let mut text = quote::quoted_json(&serde_json::to_string_pretty(value).map_err(std::io::Error::from)?);
        text.push('\n');
        Ok(output::print(&text)?)
    }
}
