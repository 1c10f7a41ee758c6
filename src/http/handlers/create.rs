//! `POST /v1/movies`: a new movie.

use hyper::{HeaderMap, StatusCode};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    domain::{
        field::Field,
        invalid::{Faults, Invalid},
        movie::MovieData,
        movie_json::{self, Reading, pointer},
    },
    service::catalogue::Idempotency,
    store::mutation::{Mutation, Outcome},
};

use super::{
    super::{
        body::{self, Accepts},
        call::Call,
        error::{Kind, Problem},
        representation::saved,
        response::Answer,
        route::Route,
    },
    refusal,
};

const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// Characters of an idempotency key.
pub(crate) const KEY_MAX: usize = 255;

pub(crate) async fn create(mut call: Call<'_>) -> Result<Answer, Problem> {
    call.no_parameters()?;
    let key = idempotency_key(&call.parts.headers)?;
    let bytes = call.bytes(Accepts::Json).await?;
    let idempotency = key.map(|key| Idempotency { key, request: digest(&bytes) });
    let data =
        new_movie(body::object(bytes).await?).map_err(|invalid| Problem::document(&invalid))?;
    let catalogue = &call.api.catalogue;
    let outcome = match idempotency {
        Some(idempotency) => catalogue.create_once(data, idempotency).await?,
        None => catalogue.write(Mutation::Create { data: Box::new(data) }).await?,
    };
    match outcome.value {
        Outcome::Created(movie) | Outcome::Updated(movie) | Outcome::Unchanged(movie) => {
            Ok(Answer::Final(saved(StatusCode::CREATED, &movie, outcome.revision)))
        }
        other => Err(refusal(other).unwrap_or_else(|_| {
            Problem::new(Kind::Internal, "the movie was not created, and nothing says why")
        })),
    }
}

/// Reads a movie that does not exist yet: what the service sets must not be given.
pub(super) fn new_movie(mut object: Map<String, Value>) -> Result<MovieData, Invalid> {
    let mut faults = Faults::default();
    for field in Field::ALL.iter().filter(|field| field.read_only()) {
        if object.remove(field.name()).is_some() {
            faults.pointer(pointer(field.name()), "is set by the service; leave it out");
        }
    }
    match movie_json::read(&object, Reading::Strict) {
        Ok(input) => faults.or(input.data),
        Err(invalid) => {
            invalid.faults().iter().cloned().for_each(|fault| faults.push(fault));
            faults.or(MovieData::default())
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut given = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = given.next() else { return Ok(None) };
    let visible = key.as_bytes().iter().all(u8::is_ascii_graphic);
    if given.next().is_some() || !visible || !(1..=KEY_MAX).contains(&key.len()) {
        let detail = format!("must be 1 to {KEY_MAX} visible ASCII characters, given once");
        return Err(Problem::header(IDEMPOTENCY_KEY, detail));
    }
    Ok(Some(String::from_utf8_lossy(key.as_bytes()).into_owned()))
}

/// What was asked: the operation and the bytes of the body.
fn digest(body: &[u8]) -> [u8; 32] {
    let operation = Route::CreateMovie.spec().operation;
    Sha256::new().chain_update(operation).chain_update([0]).chain_update(body).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;
    use serde_json::json;

    #[test]
    fn what_the_service_sets_is_refused_beside_all_other_faults() {
        let object =
            json!({"id": 1, "version": null, "created_at": "x", "updated_at": 1, "year": 1});
        let Value::Object(object) = object else { unreachable!() };
        let invalid = new_movie(object).unwrap_err();
        let mut places: Vec<String> = invalid.faults().iter().map(ToString::to_string).collect();
        places.sort();
        let starts = [
            "/created_at: is set",
            "/id: is set",
            "/title",
            "/updated_at: is set",
            "/version: is",
            "/year",
        ];
        assert_eq!(places.len(), starts.len(), "{places:?}");
        assert!(
            places.iter().zip(starts).all(|(place, start)| place.starts_with(start)),
            "{places:?}"
        );
    }

    #[test]
    fn idempotency_keys_are_visible_ascii_and_given_once() {
        let of = |keys: &[&[u8]]| {
            let value = |key: &&[u8]| {
                ("idempotency-key".parse().unwrap(), HeaderValue::from_bytes(key).unwrap())
            };
            idempotency_key(&keys.iter().map(value).collect::<HeaderMap>())
        };
        assert_eq!(of(&[]).unwrap(), None);
        assert_eq!(of(&[b"a-1"]).unwrap(), Some("a-1".to_owned()));
        for bad in [&[&b""[..]][..], &[b"a b"], &[b"\xc3\xa9"], &[b"a", b"a"], &[&[b'x'; 256]]] {
            assert!(of(bad).is_err());
        }
    }

    #[test]
    fn the_digest_depends_on_the_body() {
        assert_eq!(digest(b"{}"), digest(b"{}"));
        assert_ne!(digest(b"{}"), digest(b"{ }"));
    }
}
