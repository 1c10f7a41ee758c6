//! Reads: L1, a load that requests share, L2, the truth.

use crate::{
    protocol::Protocol,
    replica::{Entry, Replica},
    request::{Answer, Flight, From, Mark, Need, Phase, Request, Shared, Stage},
    rules::Rule,
    state::State,
};

impl Protocol {
    pub(crate) fn look(&self, state: &mut State, index: usize) {
        let request = &mut state.requests[index];
        let replica = &state.replicas[request.replica];
        let query = request.query;
        // What was verified when the request came is in every entry that is good now.
        let met = request.verified >= request.min || self.breaks(Rule::MinRevisionIsNeeded);
        let floor = if met { 0 } else { request.min };
        let good = |entry: &Entry| entry.tag >= replica.known(query, self.broken).max(floor);
        if let Some(entry) = replica.l1[query as usize]
            && (good(&entry) || self.breaks(Rule::ValidationOnRead))
        {
            self.answer(request, replica, entry, From::L1);
            return;
        }
        let need = Need { proven: replica.proven, hinted: replica.hinted, at_least: floor };
        let narrow = self.breaks(Rule::NeedsAreAllThatIsKnown);
        let need = if narrow { need.by_known_scopes(query) } else { need };
        let loose = self.breaks(Rule::FlightsAskForTheNeed);
        let joins = |flight: &&Flight| {
            let same = (flight.replica, flight.query) == (request.replica, query);
            same && (flight.need.at_least == need.at_least || loose)
        };
        let same = state.flights.iter().filter(joins).find(|flight| flight.need == need);
        if let Some(flight) = same.or_else(|| state.flights.iter().find(joins)) {
            request.phase =
                Phase::Waiting { need: flight.need, sure: flight.need == need || loose };
            return;
        }
        request.phase = Phase::Waiting { need, sure: true };
        let (epoch, replica) = (replica.epoch, request.replica);
        state.flights.push(Flight { replica, query, need, epoch, stage: Stage::Started });
        state.flights.sort_unstable();
    }

    fn answer(&self, request: &mut Request, replica: &Replica, entry: Entry, from: From) {
        let late = self.breaks(Rule::VerifiedBeforeValidation);
        let verified = if late { replica.verified } else { request.verified };
        let late = self.breaks(Rule::LeaseBeforeValidation);
        let leased = if late { self.is_leased(replica) } else { request.leased };
        let mark = if leased { Mark::None } else { Mark::Unverified };
        let revision = entry.tag.max(verified);
        request.phase = Phase::Answered(Answer { content: entry.content, revision, mark, from });
    }

    pub(crate) fn read_shared(
        &self,
        state: &mut State,
        index: usize,
        shared: Shared,
    ) -> Option<()> {
        let flight = &mut state.flights[index];
        let replica = &state.replicas[flight.replica];
        let unsettled =
            replica.is_between_lives() && !self.breaks(Rule::NothingIsTakenWhileUnsettled);
        let own = shared.epoch == replica.epoch || self.breaks(Rule::OwnEpochAlone);
        // By what is known now, which may be more than when the load began.
        let need = replica.known(flight.query, self.broken).max(flight.need.at_least);
        let good = shared.entry.tag >= need || self.breaks(Rule::ValidationOnRead);
        if unsettled || !own || !good {
            return None; // as good as none: the load goes on to the truth
        }
        flight.stage = Stage::Read(shared.entry, From::L2);
        Some(())
    }

    pub(crate) fn read_truth(&self, state: &mut State, index: usize) {
        let content = state.truth.read(state.flights[index].query);
        let entry = Entry { tag: state.truth.head(), content };
        state.flights[index].stage = if self.breaks(Rule::TagOfTheSnapshot) {
            Stage::DataAlone(content)
        } else {
            Stage::Read(entry, From::Truth)
        };
    }

    pub(crate) fn land(&self, state: &mut State, index: usize) -> Option<()> {
        let flight = state.flights[index].clone();
        let Stage::Read(entry, from) = flight.stage else { return None };
        let replica = &mut state.replicas[flight.replica];
        // Else a later answer from an older entry would show less than this one.
        if entry.tag > replica.verified && !self.breaks(Rule::LoadsWaitForAPoll) {
            return None;
        }
        state.flights.remove(index);
        if entry.tag >= flight.need.of(flight.query) {
            replica.keep(flight.query, entry);
            let shared = Shared { query: flight.query, epoch: flight.epoch, entry };
            if self.bounds.l2 && from == From::Truth && !state.l2.contains(&shared) {
                state.l2.push(shared);
                state.l2.sort_unstable();
            }
        }
        let replica = &state.replicas[flight.replica];
        for request in &mut state.requests {
            let Phase::Waiting { need, sure } = request.phase else { continue };
            if (request.replica, request.query, need) != (flight.replica, flight.query, flight.need)
            {
                continue;
            }
            let unjudged = sure || self.breaks(Rule::WhoIsNotSureJudges);
            let good = unjudged || entry.tag >= replica.known(request.query, self.broken);
            if good && entry.tag >= need.floor(request.query) {
                self.answer(request, replica, entry, from);
            } else {
                request.begin_anew(replica);
            }
        }
        Some(())
    }
}

impl Request {
    /// Looks at `verified` again, and then at what is cached.
    pub(crate) fn begin_anew(&mut self, replica: &Replica) {
        self.phase = Phase::Begun;
        self.verified = replica.verified;
    }
}
