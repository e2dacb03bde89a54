// SPDX-License-Identifier: MIT OR Apache-2.0
//! Everything there is to know about the kernels of one root.

use std::rc::Rc;

use crate::assess::{Assessment, assess};
use crate::build_tree::{Closure, End, follow, follow_to};
use crate::checks::{Known, PackagedTrees, Sight};
use crate::demand::Register;
use crate::error::Result;
use crate::kernels::{Arriving, Kernel, installed_with, mark_kept};
use crate::machine::Machine;
use crate::package_db::{Advisor, AskedAhead, ImageStanding, PackageDb, PackageId};
use crate::quote::quoted;
use crate::sysroot::{RootPath, Sysroot};

/// A root with its package manager.
pub struct System {
    /// The root.
    pub root: Rc<Sysroot>,
    /// What the system is.
    pub machine: Machine,
    /// The installed packages.
    pub db: Rc<dyn PackageDb>,
    /// The package manager's words for what a person can do.
    pub advisor: Box<dyn Advisor>,
    arriving: Option<Arriving>,
    known: Known,
}

/// How much of the trees is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What every module build needs: in hooks.
    Build,
    /// Every file that packages brought, too: when somebody asks.
    Whole,
}

impl System {
    /// A root, looked at for the first time.
    pub fn new(root: Rc<Sysroot>, db: Rc<dyn PackageDb>, advisor: Box<dyn Advisor>) -> Self {
        let machine = Machine::look(&root);
        System { root, machine, db, advisor, arriving: None, known: Known::default() }
    }

    /// The same where an image is being installed, which may not be in its place yet.
    pub fn with_arriving(self, arriving: Option<Arriving>) -> Self {
        System { arriving, ..self }
    }

    /// The installed kernels, oldest first. Who keeps them is not known yet.
    pub fn installed(&self) -> Result<Vec<Kernel>> {
        installed_with(&self.root, &self.machine, self.arriving.as_ref())
    }

    /// What the package manager thinks of each kernel's image, and so which are kept, as if the
    /// packages `leaving` had left.
    pub fn standings(&self, kernels: &mut [Kernel], leaving: &[PackageId]) -> Result<Vec<ImageStanding>> {
        let standings = self.db.image_standings(kernels, leaving)?;
        mark_kept(kernels, &standings);
        Ok(standings)
    }

    /// Whether this is a live system: its running kernel is installed here and pid 1 lives here.
    pub fn is_live(&self, kernels: &[Kernel]) -> bool {
        self.machine.is_init_root && kernels.iter().any(|kernel| kernel.running)
    }

    /// Assesses every kernel that `wanted` names.
    pub fn survey(&self, wanted: impl Fn(&Kernel) -> bool, depth: Depth) -> Result<Vec<Assessment>> {
        let register = Register::read(&self.root, &self.machine);
        let mut kernels = self.installed()?;
        let standings = self.standings(&mut kernels, &[])?;
        let followed: Vec<(Kernel, ImageStanding, Closure)> = kernels
            .into_iter()
            .zip(standings)
            .filter(|(kernel, _)| wanted(kernel))
            .map(|(kernel, standing)| {
                let closure = follow(&self.root, &kernel)?;
                log_closure(&kernel, &closure);
                Ok((kernel, standing, closure))
            })
            .collect::<Result<_>>()?;
        let packaged = match depth {
            Depth::Build => None,
            Depth::Whole => {
                let closures = followed.iter().map(|(_, _, closure)| closure);
                Some(PackagedTrees::of(&self.root, self.db.as_ref(), closures)?)
            }
        };
        // Whose a link is matters where it leads nowhere: that is asked for all of them at once.
        let dangling = followed.iter().filter_map(|(_, _, closure)| match &closure.end {
            End::Dangling { path, .. } => Some([closure.link.path.clone(), path.clone()]),
            _ => None,
        });
        let db = AskedAhead::of(self.db.as_ref(), dangling.flatten().collect())?;
        let sight = Sight { packaged: packaged.as_ref(), db: &db, ..self.sight() };
        let assessments = followed
            .into_iter()
            .map(|(kernel, standing, closure)| assess(&sight, &register, kernel, standing, closure))
            .collect();
        if let Some(packaged) = &packaged {
            packaged.remember(&self.root);
        }
        assessments
    }

    /// Assesses one kernel, as far as builds need.
    pub fn assess(
        &self,
        register: &Register,
        kernel: Kernel,
        standing: ImageStanding,
        closure: Closure,
    ) -> Result<Assessment> {
        assess(&self.sight(), register, kernel, standing, closure)
    }

    /// Assesses a kernel again, as if its build link led to `tree`.
    pub fn assess_with(&self, assessment: &Assessment, tree: &RootPath) -> Result<Assessment> {
        let register = Register::read(&self.root, &self.machine);
        let closure = follow_to(&self.root, &assessment.kernel, tree);
        self.assess(&register, assessment.kernel.clone(), assessment.standing.clone(), closure)
    }

    fn sight(&self) -> Sight<'_> {
        Sight { root: &self.root, machine: &self.machine, db: self.db.as_ref(), known: &self.known, packaged: None }
    }
}

fn log_closure(kernel: &Kernel, closure: &Closure) {
    log::info!("kernel {}: image {}, build link {}", kernel.release, quoted(&kernel.image), quoted(&closure.link.path));
    for hop in &closure.hops {
        log::info!("kernel {}: by {} to {}", kernel.release, quoted(&hop.via), quoted(&hop.path));
    }
}
