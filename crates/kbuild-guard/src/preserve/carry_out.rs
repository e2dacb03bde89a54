// SPDX-License-Identifier: MIT OR Apache-2.0
//! Doing what was prepared: room, copy, proof, the copy's name, and last the links.

use super::plan::Plan;
use super::publish::{self, Place};
use super::trees::Trees;
use super::{Account, Preparation, Progress, Refusal, Work, cause, copy};
use crate::assess::State;
use crate::error::Result;
use crate::relink::{self, Lock};
use crate::root_path::RootPath;
use crate::survey::System;

impl Preparation {
    /// Does it. Where this fails, the build link is what it was, unless it is the `source` link beside it that could not
    /// be moved.
    pub fn carry_out(self, system: &System, tell: &mut dyn FnMut(Progress)) -> Result<Account> {
        if !relink::may_change(&system.root)? {
            return Err(Refusal::NotRoot.into());
        }
        let mut account = self.account(system)?;
        let lock = Lock::take(&system.root)?;
        let place = Place::take(&system.root, &self.target)?;
        account.after = Some(match &self.work {
            Work::There { state } => {
                place.discard();
                *state
            }
            Work::Copy { trees, plan } => {
                Self::make_room(&place, plan)?;
                let made = self.make(system, &place, trees, plan, tell);
                if made.is_err() {
                    place.discard();
                }
                made?
            }
        });
        relink::carry_out(&lock, &self.assessment.kernel, "preserve", &self.moves)?;
        Ok(account)
    }

    /// Removes what another run has left, and looks whether there is room for a copy.
    fn make_room(place: &Place, plan: &Plan) -> Result<()> {
        place.clean()?;
        let room = place.parent().room()?;
        let path = place.parent().path().clone();
        let (bytes, files) = plan.takes(room);
        if bytes > room.bytes {
            return Err(Refusal::NoRoom { path, needed: bytes, free: room.bytes }.into());
        }
        if let Some(free) = room.files.filter(|free| files > *free) {
            return Err(Refusal::NoRoomForFiles { path, needed: files, free }.into());
        }
        Ok(())
    }

    /// Makes the copy, proves it, and puts it in its place.
    fn make(
        &self,
        system: &System,
        place: &Place,
        trees: &Trees,
        plan: &Plan,
        tell: &mut dyn FnMut(Progress),
    ) -> Result<State> {
        let work = place.begin()?;
        copy::copy(&trees.all, trees.owner, plan, &work, tell)?;
        publish::mark(&work, &self.assessment.kernel.release, (&trees.build, &trees.source), plan)?;
        work.set_mode(0o755)?;
        let state = self.prove(system, work.path())?;
        place.publish(&work)?;
        Ok(state)
    }

    /// The copy is judged as any tree is, and may not be worse than the one that it is a copy of.
    fn prove(&self, system: &System, copy: &RootPath) -> Result<State> {
        let proof = system.assess_with(&self.assessment, copy)?;
        let rank = |state: State| match state {
            State::Ready => 0,
            State::Degraded => 1,
            State::Broken | State::Absent | State::Unknown => 2,
        };
        let worse = rank(proof.state()) > rank(self.assessment.state());
        if worse || !proof.has_usable_tree() {
            return Err(Refusal::Unproved { cause: cause(&proof) }.into());
        }
        Ok(proof.state())
    }
}
