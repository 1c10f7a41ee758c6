//! Crashes, and restores of the database.

use crate::{
    catalogue::Revision,
    protocol::Protocol,
    replica::{Entry, Replica},
    request::{Phase, Stage},
    rules::Rule,
    state::State,
};

impl Protocol {
    /// A replica has found out that the database was restored: it forgets everything at once. What is
    /// there instead it learns by the next poll that it sends.
    ///
    /// In the same step it gives the database another epoch. A server does so later, before it sends
    /// that poll; to others that is as if it had found out later.
    pub(crate) fn found_restore(&self, state: &mut State, index: usize) {
        let replica = &mut state.replicas[index];
        if replica.epoch == state.truth.epoch {
            state.truth.epoch += 1;
        }
        replica.forget();
        if !self.breaks(Rule::RestoresDropLoads) {
            state.flights.retain(|flight| flight.replica != index);
        }
        for request in state.requests.iter_mut().filter(|request| request.replica == index) {
            if request.phase == Phase::Begun || !self.breaks(Rule::RestoresDropLoads) {
                request.begin_anew(replica);
            }
            request.floors.shown = 0;
        }
    }

    pub(crate) fn crash(&self, state: &mut State, index: usize) {
        state.crashes_left -= 1;
        let replica = &mut state.replicas[index];
        let (shown, acknowledged) = (replica.shown, std::mem::take(&mut replica.acknowledged));
        let lease_age = self.bounds.bound;
        *replica = Replica { lease_age, shown, acknowledged, ..Replica::default() };
        state.flights.retain(|flight| flight.replica != index);
        state.requests.retain(|request| request.replica != index);
        state.open_write = state.open_write.take().filter(|open| open.replica != index);
    }
}

/// The database is as its dump, and all that has what was written later has what is lost.
pub(crate) fn restore(state: &mut State, head: Revision) {
    state.restores_left -= 1;
    state.truth.restore(head);
    let truth = &state.truth;
    for entry in state.l2.iter_mut().map(|shared| &mut shared.entry) {
        entry.content.lost |= entry.content.last > head;
    }
    for flight in &mut state.flights {
        if let Stage::DataAlone(content) | Stage::Read(Entry { content, .. }, _) = &mut flight.stage
        {
            content.lost |= content.last > head;
        }
    }
    for replica in &mut state.replicas {
        for entry in replica.l1.iter_mut().flatten() {
            entry.content.lost |= entry.content.last > head;
        }
        replica.acknowledged.retain(|&write| write <= head);
        replica.shown = 0;
    }
    for request in &mut state.requests {
        let upto = |revision| truth.last_change(request.query, head.min(revision));
        request.floors.own = upto(request.floors.own);
        request.floors.due = upto(request.floors.due);
        request.floors.shown = 0;
        request.min = head.min(request.min);
    }
}
