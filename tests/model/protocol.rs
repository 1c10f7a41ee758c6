//! The protocol: what each action does. Reads go on in [`crate::loads`], crashes and restores in
//! [`crate::faults`].

use stateright::{Model, Property};

use crate::{
    bounds::Bounds,
    catalogue::{Query, Revision, Write},
    faults, occurrences,
    promises::Promise,
    replica::{Entry, FAR, Polled, Replica},
    request::{Floors, From, OpenWrite, Phase, Request, Stage, WriteStage},
    rules::Rule,
    state::{Action, State},
};

/// The name of the one property of promises.
pub(crate) const PROMISES_HOLD: &str = "the promises hold";

/// The protocol within bounds.
#[derive(Debug, Clone)]
pub(crate) struct Protocol {
    pub(crate) bounds: Bounds,
    /// The rule that is not kept.
    pub(crate) broken: Option<Rule>,
    /// What is looked for: promises that break, and things that happen. Each costs time.
    pub(crate) promises: &'static [Promise],
    pub(crate) occurrences: &'static [&'static str],
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(&self.bounds)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        state.actions(&self.bounds, actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let mut next = state.clone();
        self.step(&mut next, action)?;
        if ![Some(Rule::ValidationOnRead), Some(Rule::EveryScopeCounts)].contains(&self.broken) {
            for replica in &mut next.replicas {
                replica.forget_dead_entries(self.bounds.queries);
            }
        }
        next.requests.sort_unstable();
        Some(next.renamed())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = occurrences::all();
        properties.retain(|property| self.occurrences.contains(&property.name));
        properties.push(Property::always(PROMISES_HOLD, |protocol: &Self, state| {
            protocol.promises.iter().all(|promise| promise.holds(state))
        }));
        properties
    }
}

impl Protocol {
    pub(crate) fn breaks(&self, rule: Rule) -> bool {
        self.broken == Some(rule)
    }

    fn step(&self, state: &mut State, action: Action) -> Option<()> {
        match action {
            Action::Tick => self.tick(state),
            Action::SendPoll(replica) => self.send_poll(state, replica)?,
            Action::ReadPoll(replica) => {
                state.replicas[replica].poll.as_mut()?.read(&state.truth);
            }
            Action::ApplyPoll(replica) => {
                if state.replicas[replica].apply_poll(self.broken)? == Polled::Restored {
                    self.found_restore(state, replica);
                }
            }
            Action::Begin { replica, query, min } => self.begin(state, replica, query, min),
            Action::Look(index) => self.look(state, index),
            Action::ReadShared(index, shared) => self.read_shared(state, index, shared)?,
            Action::ReadTruth(index) => self.read_truth(state, index),
            Action::ReadTag(index) => {
                let Stage::DataAlone(content) = state.flights[index].stage else { return None };
                let entry = Entry { tag: state.truth.head(), content };
                state.flights[index].stage = Stage::Read(entry, From::Truth);
            }
            Action::Land(index) => self.land(state, index)?,
            Action::Take(index) => take(state, index),
            Action::Commit(by, write) => commit(state, by, write),
            Action::Know => self.know(state)?,
            Action::AnswerWrite => self.answer_write(state)?,
            Action::Hear(replica, revision) => {
                let scopes = state.truth.write(revision).scopes();
                state.replicas[replica].hear(scopes, revision, self.broken);
            }
            Action::HearForged(replica, query) => {
                state.replicas[replica].hear(query.scopes(), FAR, self.broken);
            }
            Action::Crash(replica) => self.crash(state, replica),
            Action::Restore(head) => faults::restore(state, head),
        }
        Some(())
    }

    fn send_poll(&self, state: &mut State, index: usize) -> Option<()> {
        // Who is to read the whole forgets what it has learnt meanwhile: a poll may have come late.
        if state.replicas[index].is_between_lives() {
            self.found_restore(state, index);
        }
        let replica = &mut state.replicas[index];
        replica.send_poll();
        // Without a clock it makes no difference how long before it is read.
        if self.bounds.bound == 0 {
            replica.poll.as_mut()?.read(&state.truth);
        }
        Some(())
    }

    fn tick(&self, state: &mut State) {
        let bound = self.bounds.bound;
        state.truth.tick(bound);
        for replica in &mut state.replicas {
            replica.lease_age = bound.min(replica.lease_age + 1);
            if let Some(poll) = &mut replica.poll {
                poll.age = bound.min(poll.age + 1);
            }
        }
    }

    fn begin(&self, state: &mut State, index: usize, query: Query, min: Revision) {
        let (replica, truth) = (&state.replicas[index], &state.truth);
        let own = replica.acknowledged.iter().filter(|&&write| truth.changes(write, query));
        let floors = Floors {
            own: own.copied().max().unwrap_or(0),
            due: truth.last_change(query, truth.head_that_is_due()),
            shown: replica.shown,
            restore_due: truth
                .restored
                .is_some_and(|restore| restore.age > 0 && restore.age >= self.bounds.bound),
        };
        let (leased, verified) = (self.is_leased(replica), replica.verified);
        let phase = Phase::Begun;
        let request = Request { replica: index, query, min, leased, verified, phase, floors };
        state.requests.push(request);
    }

    pub(crate) fn is_leased(&self, replica: &Replica) -> bool {
        self.bounds.bound == 0 || replica.lease_age < self.bounds.bound
    }

    fn know(&self, state: &mut State) -> Option<()> {
        let open = state.open_write.as_mut()?;
        open.stage = WriteStage::Known;
        let OpenWrite { replica: index, write, revision, began: (epoch, verified), .. } = *open;
        let replica = &state.replicas[index];
        let same = replica.settled && replica.epoch == epoch;
        let backwards = same && revision <= verified;
        if backwards && !self.breaks(Rule::RestoresAreFoundByWrites) {
            self.found_restore(state, index);
        }
        state.replicas[index].learn_own_write(write, revision);
        Some(())
    }

    fn answer_write(&self, state: &mut State) -> Option<()> {
        let open = state.open_write.as_ref()?;
        if open.stage == WriteStage::Committed && !self.breaks(Rule::KnownBeforeAnswered) {
            return None;
        }
        let replica = &mut state.replicas[open.replica];
        replica.acknowledged.push(open.revision);
        // Without a poll that reaches it in time the answer shows no revision.
        if replica.verified >= open.revision {
            replica.shown = replica.shown.max(open.revision);
        }
        state.open_write = None;
        Some(())
    }
}

fn take(state: &mut State, index: usize) {
    let request = state.requests.remove(index);
    let Phase::Answered(answer) = request.phase else { return };
    let replica = &mut state.replicas[request.replica];
    replica.shown = replica.shown.max(answer.revision);
}

fn commit(state: &mut State, by: Option<usize>, write: Write) {
    state.writes_left -= 1;
    let revision = state.truth.commit(write);
    state.open_write = by.map(|index| {
        let replica = &state.replicas[index];
        let began = (replica.epoch, replica.verified);
        OpenWrite { replica: index, write, revision, began, stage: WriteStage::Committed }
    });
}
