//! `POST /v1/movies/batch`: many writes in one request, each with its own status.

use hyper::{StatusCode, header::HeaderValue};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    domain::{
        invalid::{Fault, Faults, Invalid},
        movie::MovieId,
        movie_json::{MovieView, pointer},
        parameters::Parameters,
        patch::Change,
        revision::{AsOf, Revision},
    },
    service::catalogue::{Atomicity, Catalogue},
    store::mutation::{Mutation, Outcome},
};

use super::{
    super::{
        audit::Touched,
        body::{self, Accepts},
        call::Call,
        error::{Kind, Problem},
        params,
        representation::view,
        response::{Answer, CATALOG_REVISION, written},
    },
    create::new_movie,
    refusal,
    update::whole_movie,
};

/// Most operations of a batch.
pub(crate) const OPERATIONS_MAX: usize = 1_000;
/// What an operation may be.
pub(crate) const OPERATIONS: [&str; 4] = ["create", "replace", "update", "delete"];

#[derive(Serialize)]
struct List<'a> {
    data: Vec<Item<'a>>,
    revision: Revision,
}

/// What came of one operation.
#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Saved { status: u16, movie: MovieView<'a> },
    Deleted { status: u16, id: MovieId },
    Refused { status: u16, problem: Problem },
}

pub(crate) async fn batch(mut call: Call<'_>) -> Result<Answer, Problem> {
    let atomicity = params::read(call.query(), atomicity)?;
    let bytes = call.bytes_up_to(call.api.options.batch_bytes_max, Accepts::Json).await?;
    let object = body::object(bytes).await?;
    let operations = operations(object).map_err(|invalid| Problem::document(&invalid))?;
    let read: Vec<_> = operations.into_iter().enumerate().map(mutation).collect();
    let AsOf { revision, value: results } = run(&call.api.catalogue, read, atomicity).await?;
    let touched = results.iter().filter_map(touched).collect();
    let list = List { data: results.iter().map(item).collect(), revision };
    let mut response = written(StatusCode::MULTI_STATUS, &list);
    response.headers_mut().insert(CATALOG_REVISION, HeaderValue::from(revision.get()));
    response.extensions_mut().insert(Touched(touched));
    Ok(Answer::Final(response))
}

/// Does the good ones, or none of them when they stand or fall together and one is bad.
async fn run(
    catalogue: &Catalogue,
    read: Vec<Result<Mutation, Invalid>>,
    atomicity: Atomicity,
) -> Result<AsOf<Vec<Outcome>>, Problem> {
    let bad = read.iter().filter(|mutation| mutation.is_err()).count();
    let runs = bad == 0 || (atomicity == Atomicity::Each && bad < read.len());
    if !runs {
        let outcome =
            |mutation: Result<_, _>| mutation.map_or_else(Outcome::Invalid, |_| Outcome::NotDone);
        let revision = catalogue.ready().await?;
        return Ok(AsOf { revision, value: read.into_iter().map(outcome).collect() });
    }
    let mut refused: Vec<Option<Invalid>> = Vec::with_capacity(read.len());
    let mut mutations = Vec::with_capacity(read.len());
    for mutation in read {
        match mutation {
            Ok(mutation) => {
                mutations.push(mutation);
                refused.push(None);
            }
            Err(invalid) => refused.push(Some(invalid)),
        }
    }
    let done = catalogue.batch(mutations, atomicity).await?;
    let mut outcomes = done.value.into_iter();
    let value = refused.into_iter().enumerate().map(|(n, refused)| match refused {
        Some(invalid) => Outcome::Invalid(invalid),
        // The rules that a merged movie breaks are known to the store only.
        None => match outcomes.next().unwrap_or(Outcome::NotDone) {
            Outcome::Invalid(invalid) => {
                Outcome::Invalid(invalid.below(&format!("{}/movie", at(n))))
            }
            outcome => outcome,
        },
    });
    Ok(AsOf { revision: done.revision, value: value.collect() })
}

/// The movie that an operation changed.
fn touched(outcome: &Outcome) -> Option<MovieId> {
    match outcome {
        Outcome::Created(movie) | Outcome::Updated(movie) => Some(movie.id),
        Outcome::Deleted(id) => Some(*id),
        _ => None,
    }
}

fn item(outcome: &Outcome) -> Item<'_> {
    match outcome {
        Outcome::Created(movie) => Item::Saved { status: 201, movie: view(movie) },
        Outcome::Updated(movie) | Outcome::Unchanged(movie) => {
            Item::Saved { status: 200, movie: view(movie) }
        }
        Outcome::Deleted(id) => Item::Deleted { status: 204, id: *id },
        refused => {
            let problem = refusal(refused.clone()).unwrap_or_else(|_| {
                Problem::new(Kind::Internal, "the operation was not done, and nothing says why")
            });
            Item::Refused { status: problem.kind().status().as_u16(), problem }
        }
    }
}

fn atomicity(pairs: Vec<(String, String)>) -> Result<Atomicity, Invalid> {
    let mut parameters = Parameters::new(pairs);
    let atomicity = parameters.parsed("atomic", "true or false", |text| match text {
        "true" => Some(Atomicity::All),
        "false" => Some(Atomicity::Each),
        _ => None,
    });
    parameters.finish(atomicity.unwrap_or(Atomicity::Each))
}

fn at(n: usize) -> String {
    format!("/operations/{n}")
}

/// The operations of a batch, not yet read themselves.
fn operations(mut object: Map<String, Value>) -> Result<Vec<Value>, Invalid> {
    let mut faults = Faults::default();
    let operations = object.remove("operations");
    for name in object.keys() {
        faults.pointer(pointer(name), "is not a member of a batch; known: operations");
    }
    let must = format!("must be a list of 1 to {OPERATIONS_MAX} operations");
    match operations {
        Some(Value::Array(list)) if (1..=OPERATIONS_MAX).contains(&list.len()) => faults.or(list),
        Some(Value::Array(list)) => {
            faults.pointer("/operations", format!("{must}, not {}", list.len()));
            faults.or(Vec::new())
        }
        _ => {
            faults.pointer("/operations", must);
            faults.or(Vec::new())
        }
    }
}

/// Reads one operation; faults are pointed at in the whole batch.
fn mutation((n, operation): (usize, Value)) -> Result<Mutation, Invalid> {
    read_mutation(operation).map_err(|invalid| invalid.below(&at(n)))
}

fn read_mutation(operation: Value) -> Result<Mutation, Invalid> {
    let Value::Object(mut members) = operation else {
        return Err(Invalid::one(Fault::pointer("", "must be a JSON object")));
    };
    let op = members.remove("op");
    let mut reader = Reader { members, faults: Faults::default() };
    let op = op.as_ref().and_then(Value::as_str).unwrap_or_default();
    let mutation = match op {
        "create" => {
            let data = reader.movie(new_movie).map(Box::new);
            data.map(|data| Mutation::Create { data })
        }
        "replace" => {
            let (id, expect) = (reader.id(), reader.version());
            let data = reader.movie(|movie| whole_movie(id, &movie));
            let change = data.map(|data| Change::Replace(Box::new(data)));
            id.zip(change).map(|(id, change)| Mutation::Change { id, change, expect })
        }
        "update" => {
            let (id, expect) = (reader.id(), reader.version());
            let change = reader.movie(Ok).map(Change::Merge);
            id.zip(change).map(|(id, change)| Mutation::Change { id, change, expect })
        }
        "delete" => {
            let (id, expect) = (reader.id(), reader.version());
            id.map(|id| Mutation::Delete { id, expect })
        }
        _ => {
            let detail = format!("must be one of {}", OPERATIONS.join(", "));
            return Err(Invalid::one(Fault::pointer("/op", detail)));
        }
    };
    for name in reader.members.keys() {
        reader.faults.pointer(pointer(name), format!("does not go with {op}"));
    }
    let mutation = reader.faults.or(mutation)?;
    mutation.ok_or_else(|| Invalid::one(Fault::pointer("", "is not whole")))
}

/// Takes the members of an operation one by one, and notes what is wrong with them.
struct Reader {
    members: Map<String, Value>,
    faults: Faults,
}

impl Reader {
    fn id(&mut self) -> Option<MovieId> {
        let id = self.members.remove("id").as_ref().and_then(Value::as_i64).and_then(MovieId::new);
        if id.is_none() {
            self.faults.pointer("/id", "must be the id of a movie");
        }
        id
    }

    fn version(&mut self) -> Option<i64> {
        let value = self.members.remove("version")?;
        let version = value.as_i64().filter(|version| *version >= 1);
        if version.is_none() {
            self.faults.pointer("/version", "must be the version that the movie has");
        }
        version
    }

    fn movie<T>(
        &mut self,
        read: impl FnOnce(Map<String, Value>) -> Result<T, Invalid>,
    ) -> Option<T> {
        let Some(Value::Object(members)) = self.members.remove("movie") else {
            self.faults.pointer("/movie", "must be a JSON object");
            return None;
        };
        match read(members).map_err(|invalid| invalid.below("/movie")) {
            Ok(movie) => Some(movie),
            Err(invalid) => {
                invalid.faults().iter().cloned().for_each(|fault| self.faults.push(fault));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(operation: Value) -> String {
        mutation((3, operation)).unwrap_err().to_string()
    }

    #[test]
    fn operations_are_read() {
        let movie = json!({"title": "Stalker"});
        for (operation, expected) in [
            (json!({"op": "create", "movie": movie}), "Create"),
            (json!({"op": "replace", "id": 1, "movie": movie, "version": 2}), "expect: Some(2)"),
            (json!({"op": "update", "id": 1, "movie": {"year": null}}), "Merge"),
            (json!({"op": "delete", "id": 1}), "Delete"),
        ] {
            let read = format!("{:?}", mutation((0, operation)).unwrap());
            assert!(read.contains(expected), "{read}");
        }
    }

    #[test]
    fn faults_are_pointed_at_in_the_whole_batch() {
        let text =
            faults(json!({"op": "replace", "id": 0, "version": "1", "movie": {"year": 1}, "x": 1}));
        for place in [
            "/operations/3/id:",
            "/operations/3/version:",
            "/operations/3/movie/year:",
            "/operations/3/movie/title:",
            "/operations/3/x:",
        ] {
            assert!(text.contains(place), "{place} in {text}");
        }
        assert_eq!(faults(json!(1)), "/operations/3: must be a JSON object");
        assert!(
            faults(json!({"op": "upsert"})).starts_with("/operations/3/op: must be one of create")
        );
        assert!(
            faults(json!({"op": "delete", "id": 1, "movie": {}}))
                .contains("does not go with delete")
        );
        assert!(
            faults(json!({"op": "create", "movie": {"title": "x", "id": 1}}))
                .contains("/movie/id:")
        );
    }

    #[test]
    fn a_batch_has_1_to_1000_operations() {
        let batch = |value: Value| operations(value.as_object().unwrap().clone());
        assert!(batch(json!({"operations": [1]})).is_ok());
        assert!(batch(json!({"operations": []})).is_err());
        assert!(batch(json!({"operations": vec![1; 1001]})).is_err());
        assert_eq!(batch(json!({"operation": [1]})).unwrap_err().faults().len(), 2);
    }
}
