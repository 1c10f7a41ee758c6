//! What replicas tell each other, and how it is spelled.
//!
//! The spelling is strict: whatever is not exactly what [`Message::encode`] writes is refused. Messages
//! come from a channel on which anybody may speak who can reach Redis.
//!
//! ```text
//! "mqb" version kind sender                                   a heartbeat
//! "mqb" version kind sender epoch revision count scope*       what a write touched
//! ```
//! Numbers are big-endian. The count is 16 bits, and 65,535 means everything.

use crate::domain::{
    collection::Slug,
    revision::{Measure, Revision, Scope},
};

const MAGIC: &[u8; 3] = b"mqb";

/// Raised with each change of the spelling. Replicas of two versions ignore each other's messages, and
/// learn of writes from the database.
const VERSION: u8 = 2;

const HEARTBEAT: u8 = 0;
const TOUCHED: u8 = 1;

const ALL: u8 = 0;
const GENRE: u8 = 1;
const ITEM: u8 = 2;
const COLLECTION: u8 = 3;
const COLLECTIONS: u8 = 4;
const MOVIES: u8 = 5;
/// With the place of the measure in [`Measure::ALL`].
const MEASURE: u8 = 6;
const MEASURE_OF: u8 = 7;

/// Stands for a count.
const EVERYTHING: u16 = u16::MAX;

/// Most scopes that a message names one by one; more are everything.
pub const SCOPES_MAX: usize = 256;

/// Most bytes of a genre's key. One of 50 characters has less, however it is composed.
const GENRE_BYTES_MAX: usize = 1024;

/// Most bytes of a message: what is longer is not read. The longest that is written has fewer.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// What a write touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// Everything, or so much that it is not told one by one.
    Everything,
    /// These scopes.
    Scopes(Vec<Scope>),
}

/// A write that was committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The catalogue's epoch. A message of another one says nothing about this catalogue.
    pub epoch: u64,
    /// Who tells it: [`Bus::sender`](super::Bus::sender).
    pub sender: u64,
    /// The write's revision.
    pub revision: Revision,
    /// What it touched.
    pub touched: Touched,
}

/// What comes out of the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Somebody is alive, and the way from them to us is open.
    Heartbeat {
        /// Who.
        sender: u64,
    },
    /// A write.
    Message(Message),
}

/// A message that is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a message of this version")]
pub(super) struct Malformed;

impl Touched {
    /// What is told of these scopes: each of them, or everything where they are many.
    #[must_use]
    pub fn of(scopes: Vec<Scope>) -> Self {
        if are_told(&scopes) { Self::Scopes(scopes) } else { Self::Everything }
    }
}

/// Whether scopes are told one by one: they are few and short, and none of them is all of them.
fn are_told(scopes: &[Scope]) -> bool {
    let alone = |scope: &Scope| match scope {
        Scope::Genre(key) | Scope::MeasureOf(_, key) => key.len() > GENRE_BYTES_MAX,
        Scope::Bump | Scope::Index | Scope::Model => true,
        Scope::All
        | Scope::Movies
        | Scope::Measure(_)
        | Scope::Item(_)
        | Scope::Collection(_)
        | Scope::Collections => false,
    };
    scopes.len() <= SCOPES_MAX && !scopes.iter().any(alone)
}

impl Message {
    /// Spells it.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = header(TOUCHED, self.sender);
        bytes.extend_from_slice(&self.epoch.to_be_bytes());
        bytes.extend_from_slice(&self.revision.get().to_be_bytes());
        let start = bytes.len();
        let told = match &self.touched {
            Touched::Scopes(scopes) if are_told(scopes) => {
                bytes.extend_from_slice(&length(scopes.len()).to_be_bytes());
                for scope in scopes {
                    encode_scope(scope, &mut bytes);
                }
                bytes.len() <= MESSAGE_BYTES_MAX
            }
            Touched::Scopes(_) | Touched::Everything => false,
        };
        if !told {
            bytes.truncate(start);
            bytes.extend_from_slice(&EVERYTHING.to_be_bytes());
        }
        bytes
    }
}

/// Spells a heartbeat.
pub(super) fn heartbeat(sender: u64) -> Vec<u8> {
    header(HEARTBEAT, sender)
}

/// Reads a message.
pub(super) fn decode(bytes: &[u8]) -> Result<Heard, Malformed> {
    if bytes.len() > MESSAGE_BYTES_MAX {
        return Err(Malformed);
    }
    let mut reader = Reader(bytes);
    if reader.take::<3>()? != *MAGIC || reader.byte()? != VERSION {
        return Err(Malformed);
    }
    let heard = match reader.byte()? {
        HEARTBEAT => Heard::Heartbeat { sender: u64::from_be_bytes(reader.take()?) },
        TOUCHED => Heard::Message(reader.message()?),
        _ => return Err(Malformed),
    };
    if reader.0.is_empty() { Ok(heard) } else { Err(Malformed) }
}

fn header(kind: u8, sender: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(64);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&sender.to_be_bytes());
    bytes
}

fn encode_scope(scope: &Scope, bytes: &mut Vec<u8>) {
    match scope {
        Scope::All | Scope::Bump | Scope::Index | Scope::Model => bytes.push(ALL),
        Scope::Movies => bytes.push(MOVIES),
        Scope::Measure(measure) => bytes.extend_from_slice(&[MEASURE, *measure as u8]),
        Scope::Genre(key) => {
            bytes.push(GENRE);
            encode_genre(key, bytes);
        }
        Scope::MeasureOf(measure, key) => {
            bytes.extend_from_slice(&[MEASURE_OF, *measure as u8]);
            encode_genre(key, bytes);
        }
        Scope::Item(bucket) => {
            bytes.push(ITEM);
            bytes.extend_from_slice(&bucket.to_be_bytes());
        }
        Scope::Collection(slug) => {
            bytes.push(COLLECTION);
            bytes.push(u8::try_from(slug.len()).unwrap_or_default()); // a slug has 64 at most
            bytes.extend_from_slice(slug.as_bytes());
        }
        Scope::Collections => bytes.push(COLLECTIONS),
    }
}

fn encode_genre(key: &str, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&length(key.len()).to_be_bytes());
    bytes.extend_from_slice(key.as_bytes());
}

/// A number that was checked against a bound far below.
fn length(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(EVERYTHING)
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take().map(|[byte]| byte)
    }

    fn message(&mut self) -> Result<Message, Malformed> {
        let sender = u64::from_be_bytes(self.take()?);
        let epoch = u64::from_be_bytes(self.take()?);
        let revision = Revision::new(i64::from_be_bytes(self.take()?)).ok_or(Malformed)?;
        let touched = match u16::from_be_bytes(self.take()?) {
            EVERYTHING => Touched::Everything,
            count if usize::from(count) <= SCOPES_MAX => {
                let scopes = (0..count).map(|_| self.scope()).collect::<Result<_, _>>()?;
                Touched::Scopes(scopes)
            }
            _ => return Err(Malformed),
        };
        Ok(Message { epoch, sender, revision, touched })
    }

    fn scope(&mut self) -> Result<Scope, Malformed> {
        match self.byte()? {
            ALL => Ok(Scope::All),
            MOVIES => Ok(Scope::Movies),
            MEASURE => Ok(Scope::Measure(self.measure()?)),
            GENRE => Ok(Scope::Genre(self.genre()?)),
            MEASURE_OF => Ok(Scope::MeasureOf(self.measure()?, self.genre()?)),
            ITEM => Ok(Scope::Item(u16::from_be_bytes(self.take()?))),
            COLLECTION => {
                let length = usize::from(self.byte()?);
                let (slug, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
                self.0 = rest;
                let slug = str::from_utf8(slug).map_err(|_| Malformed)?;
                let slug: Slug = slug.parse().map_err(|()| Malformed)?;
                Ok(Scope::Collection(slug.to_string()))
            }
            COLLECTIONS => Ok(Scope::Collections),
            _ => Err(Malformed),
        }
    }

    fn measure(&mut self) -> Result<Measure, Malformed> {
        Measure::ALL.get(usize::from(self.byte()?)).copied().ok_or(Malformed)
    }

    fn genre(&mut self) -> Result<String, Malformed> {
        let length = usize::from(u16::from_be_bytes(self.take()?));
        if length > GENRE_BYTES_MAX {
            return Err(Malformed);
        }
        let (key, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(str::from_utf8(key).map_err(|_| Malformed)?.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scope() -> impl Strategy<Value = Scope> {
        prop_oneof![
            Just(Scope::All),
            Just(Scope::Movies),
            prop::sample::select(&Measure::ALL).prop_map(Scope::Measure),
            ".{0,50}".prop_map(Scope::Genre),
            (prop::sample::select(&Measure::ALL), ".{0,50}")
                .prop_map(|(measure, key)| Scope::MeasureOf(measure, key)),
            any::<u16>().prop_map(Scope::Item),
            "[a-z0-9]{1,64}".prop_map(Scope::Collection),
            Just(Scope::Collections),
        ]
    }

    fn message() -> impl Strategy<Value = Message> {
        let touched = prop_oneof![
            Just(Touched::Everything),
            prop::collection::vec(scope(), 0..=12).prop_map(Touched::Scopes),
        ];
        (any::<u64>(), any::<u64>(), 0..=i64::MAX, touched).prop_map(
            |(epoch, sender, revision, touched)| Message {
                epoch,
                sender,
                revision: Revision::new(revision).unwrap(),
                touched,
            },
        )
    }

    fn of_scopes(scopes: Vec<Scope>) -> Message {
        Message { epoch: 1, sender: 2, revision: Revision::ZERO, touched: Touched::Scopes(scopes) }
    }

    proptest! {
        #[test]
        fn what_was_spelled_is_read_again(message in message()) {
            prop_assert_eq!(decode(&message.encode()), Ok(Heard::Message(message)));
        }

        #[test]
        fn garbage_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_damaged_message_is_refused_or_is_another_one(
            message in message(),
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
        ) {
            let mut bytes = message.encode();
            let at = at.index(bytes.len());
            bytes[at] = to;
            if let Ok(Heard::Message(other)) = decode(&bytes) {
                // One spelling for each message: nothing in it is ignored.
                prop_assert_eq!(other.encode(), bytes);
            }
        }

        #[test]
        fn a_message_that_was_cut_or_goes_on_is_refused(message in message(), cut in 1_usize..40) {
            let mut bytes = message.encode();
            bytes.push(0);
            prop_assert_eq!(decode(&bytes), Err(Malformed));
            bytes.truncate((bytes.len() - 1).saturating_sub(cut));
            prop_assert_eq!(decode(&bytes), Err(Malformed));
        }
    }

    #[test]
    fn a_heartbeat_is_read_again() {
        assert_eq!(decode(&heartbeat(7)), Ok(Heard::Heartbeat { sender: 7 }));
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = heartbeat(7);
        bytes[3] = VERSION + 1;
        assert_eq!(decode(&bytes), Err(Malformed));
    }

    #[test]
    fn many_scopes_are_everything() {
        let items = |count| (0..count).map(Scope::Item).collect::<Vec<_>>();
        assert!(matches!(Touched::of(items(256)), Touched::Scopes(_)));
        assert_eq!(Touched::of(items(257)), Touched::Everything);
        let heard = decode(&of_scopes(items(257)).encode());
        assert!(matches!(heard, Ok(Heard::Message(Message { touched: Touched::Everything, .. }))));
    }

    #[test]
    fn a_message_that_would_be_too_long_says_everything() {
        let key = "a".repeat(GENRE_BYTES_MAX);
        let message = of_scopes(vec![Scope::Genre(key.clone()); 256]);
        let heard = decode(&message.encode());
        assert!(matches!(heard, Ok(Heard::Message(Message { touched: Touched::Everything, .. }))));
        assert_eq!(Touched::of(vec![Scope::Genre(key + "a")]), Touched::Everything);
    }

    #[test]
    fn values_that_cannot_be_are_refused() {
        let valid = of_scopes(vec![Scope::Item(1)]).encode();
        assert!(decode(&valid).is_ok());
        let at = |from_end: usize, to: u8| {
            let mut bytes = valid.clone();
            let at = bytes.len() - from_end;
            bytes[at] = to;
            decode(&bytes)
        };
        assert_eq!(at(3, 9), Err(Malformed), "a scope of an unknown kind");
        assert_eq!(at(5, 2), Err(Malformed), "more scopes than are sent");
        assert_eq!(at(13, 0x80), Err(Malformed), "a negative revision");
        assert_eq!(decode(&vec![0; MESSAGE_BYTES_MAX + 1]), Err(Malformed));
    }
}
