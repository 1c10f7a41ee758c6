//! All that there is at one moment, and what can happen next.

use crate::{
    bounds::{Bounds, Messages, Writers},
    catalogue::{Query, Revision, Truth, Write},
    replica::Replica,
    request::{Flight, OpenWrite, Phase, Request, Shared, Stage, WriteStage},
};

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) truth: Truth,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) requests: Vec<Request>,
    pub(crate) flights: Vec<Flight>,
    pub(crate) open_write: Option<OpenWrite>,
    /// Every entry that was ever put into L2: it may have vanished, or be back from an old dump.
    pub(crate) l2: Vec<Shared>,
    pub(crate) writes_left: u8,
    pub(crate) crashes_left: u8,
    pub(crate) restores_left: u8,
}

/// What can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Tick,
    SendPoll(usize),
    /// The database answers the poll.
    ReadPoll(usize),
    /// The answer is there: one of two steps.
    ApplyPoll(usize),
    Begin {
        replica: usize,
        query: Query,
        min: Revision,
    },
    /// The request looks into L1, or joins or starts a load.
    Look(usize),
    /// A load finds an entry in L2.
    ReadShared(usize, Shared),
    ReadTruth(usize),
    /// The second step of a load that reads its tag after the data.
    ReadTag(usize),
    /// A load's answer is kept and handed to who waits.
    Land(usize),
    /// The client has its answer.
    Take(usize),
    /// By a replica that is here, or else where.
    Commit(Option<usize>, Write),
    Know,
    /// With its revision once a poll reached it, or else without.
    AnswerWrite,
    /// The message of a write comes, for the first time or once more. It may never come.
    Hear(usize, Revision),
    /// A message comes that nobody sent.
    HearForged(usize, Query),
    Crash(usize),
    /// The database is restored from a dump that ends there.
    Restore(Revision),
}

impl State {
    /// The first moment: an empty catalogue, and replicas that have just started.
    pub(crate) fn new(bounds: &Bounds) -> Self {
        let replica = Replica { lease_age: bounds.bound, ..Replica::default() };
        Self {
            truth: Truth::new(bounds.bound),
            replicas: vec![replica; bounds.replicas],
            requests: Vec::new(),
            flights: Vec::new(),
            open_write: None,
            l2: Vec::new(),
            writes_left: bounds.writes,
            crashes_left: bounds.crashes,
            restores_left: bounds.restores,
        }
    }

    /// Replicas are alike. Of two moments that differ in their names alone, one stands for both.
    pub(crate) fn renamed(self) -> Self {
        if self.replicas.len() != 2 {
            return self;
        }
        let mut other = self.clone();
        other.replicas.reverse();
        let names = other.requests.iter_mut().map(|request| &mut request.replica);
        let names = names.chain(other.flights.iter_mut().map(|flight| &mut flight.replica));
        for name in names.chain(other.open_write.iter_mut().map(|open| &mut open.replica)) {
            *name = 1 - *name;
        }
        other.requests.sort_unstable();
        other.flights.sort_unstable();
        if other.names() < self.names() { other } else { self }
    }

    fn names(&self) -> (&[Replica], &[Request], &[Flight], &Option<OpenWrite>) {
        (&self.replicas, &self.requests, &self.flights, &self.open_write)
    }

    /// What can happen now.
    pub(crate) fn actions(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        // A client takes its answer before anything else happens: the promises are judged in
        // between, and hold or not whatever comes after.
        let answered = |request: &Request| matches!(request.phase, Phase::Answered(_));
        if let Some(index) = self.requests.iter().position(answered) {
            actions.push(Action::Take(index));
            return;
        }
        if bounds.bound > 0 {
            actions.push(Action::Tick);
        }
        for replica in 0..self.replicas.len() {
            self.actions_of(replica, bounds, actions);
        }
        self.loads(actions);
        self.writes(bounds, actions);
        if self.restores_left > 0 && self.open_write.is_none() {
            actions.extend((0..self.witnessed()).map(Action::Restore));
        }
    }

    fn actions_of(&self, index: usize, bounds: &Bounds, actions: &mut Vec<Action>) {
        let replica = &self.replicas[index];
        match &replica.poll {
            None => actions.push(Action::SendPoll(index)),
            Some(poll) if poll.found.is_none() => actions.push(Action::ReadPoll(index)),
            Some(_) => actions.push(Action::ApplyPoll(index)),
        }
        if !replica.loaded {
            return;
        }
        if self.crashes_left > 0 && !self.truth.is_restored_in_secret() {
            actions.push(Action::Crash(index));
        }
        if bounds.messages != Messages::None {
            actions.extend((1..=self.truth.head()).map(|write| Action::Hear(index, write)));
        }
        if bounds.messages == Messages::Any {
            let lie = |&query| Action::HearForged(index, query);
            actions.extend(bounds.queries.iter().map(lie));
        }
        if self.requests.len() < bounds.open_requests {
            for &query in bounds.queries {
                actions.push(Action::Begin { replica: index, query, min: 0 });
                if bounds.min_revisions && self.truth.head() > 0 {
                    let min = self.truth.head();
                    actions.push(Action::Begin { replica: index, query, min });
                }
            }
        }
    }

    fn loads(&self, actions: &mut Vec<Action>) {
        for (index, request) in self.requests.iter().enumerate() {
            if request.phase == Phase::Begun && self.replicas[request.replica].loaded {
                actions.push(Action::Look(index));
            }
        }
        for (index, flight) in self.flights.iter().enumerate() {
            match flight.stage {
                Stage::Started => {
                    actions.push(Action::ReadTruth(index));
                    let of_query = self.l2.iter().filter(|shared| shared.query == flight.query);
                    actions.extend(of_query.map(|&shared| Action::ReadShared(index, shared)));
                }
                Stage::DataAlone(_) => actions.push(Action::ReadTag(index)),
                Stage::Read(..) => actions.push(Action::Land(index)),
            }
        }
    }

    fn writes(&self, bounds: &Bounds, actions: &mut Vec<Action>) {
        match &self.open_write {
            Some(open) => {
                if open.stage == WriteStage::Committed {
                    actions.push(Action::Know);
                }
                actions.push(Action::AnswerWrite);
            }
            None if self.writes_left > 0 && self.may_commit() => {
                for &write in bounds.kinds {
                    if bounds.writers != Writers::Own {
                        actions.push(Action::Commit(None, write));
                    }
                    if bounds.writers != Writers::Others {
                        let ready = (0..self.replicas.len()).filter(|&r| self.replicas[r].loaded);
                        actions.extend(ready.map(|replica| Action::Commit(Some(replica), write)));
                    }
                }
            }
            None => {}
        }
    }

    /// A restore is found out by a replica whose polls had read further than the database now
    /// goes. Where nobody had, or the database has caught up before anybody looked, it takes
    /// `marquee bump`. So the model restores what somebody had read, and lets it not catch up.
    fn may_commit(&self) -> bool {
        !self.truth.is_restored_in_secret() || self.truth.head() + 1 < self.witnessed()
    }

    fn witnessed(&self) -> Revision {
        let of_this_epoch =
            self.replicas.iter().filter(|r| r.loaded && r.epoch == self.truth.epoch);
        of_this_epoch.map(|replica| replica.cursor).max().unwrap_or(0)
    }
}
