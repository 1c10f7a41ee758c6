//! What becomes of an index whose folder is lost, cut, replaced or shared.

use std::{fs, path::PathBuf};

use super::*;
use crate::search::{Change, SearchError};

fn films() -> Vec<Movie> {
    (1..=300).map(|id| titled(id, &format!("Alien {id}"))).collect()
}

/// The folder of the index that counts.
fn current(path: &Path) -> PathBuf {
    path.join(fs::read_to_string(path.join("current")).unwrap().trim())
}

fn files(path: &Path, extension: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(current(path)).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|of| of == extension)).collect()
}

#[test]
fn an_index_is_what_it_was_when_it_is_opened_again() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &films());
    index.apply(&[Change::Delete(MovieId::new(7).unwrap())], revision(9)).unwrap();
    drop(index);
    let folder = Folder::take(home.path()).unwrap();
    let index = ready(folder.open(EPOCH).unwrap());
    assert_eq!(index.revision(), revision(9));
    assert_eq!(search(&index, &[("q", "alien")]).total, 299);
    index.check().unwrap();
    index.verify().unwrap();
    let size = index.size().unwrap();
    assert_eq!((size.movies, size.segments), (299, 1));
    assert!(size.disk_bytes > 10_000 && size.memory_bytes > 1_000, "{size:?}");
}

#[test]
fn a_folder_says_what_it_holds() {
    let home = tempfile::tempdir().unwrap();
    let folder = Folder::take(home.path()).unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Missing));
    assert!(matches!(Folder::take(home.path()), Err(SearchError::InUse)));
    drop(folder);
    drop(build(home.path(), &films()));
    let folder = Folder::take(home.path()).unwrap();
    assert!(matches!(folder.open("another").unwrap(), Opened::OtherEpoch));
    let meta = current(home.path()).join("meta.json");
    let text = fs::read_to_string(&meta).unwrap();
    fs::write(&meta, text.replace(r#"\"schema\":"#, r#"\"schema\":9"#)).unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::OtherSchema));
    fs::write(&meta, &text[..text.len() / 2]).unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Damaged(_)));
    fs::remove_file(meta).unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Damaged(_)));
    fs::write(home.path().join("current"), "../elsewhere").unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Damaged(_)));
}

#[test]
fn a_build_that_is_not_finished_leaves_what_was_there() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &films());
    let folder = index.folder();
    let mut builder = folder.build(EPOCH, OPTIONS).unwrap();
    builder.add(&titled(1, "Another")).unwrap();
    let building = |path: &Path| {
        let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("building-")).count()
    };
    assert_eq!(building(home.path()), 1);
    drop(builder);
    assert_eq!(building(home.path()), 0);
    index.check().unwrap();
    // A process that ends in between cannot clear up.
    fs::create_dir(home.path().join("building-7")).unwrap();
    drop((index, folder));
    let folder = Folder::take(home.path()).unwrap();
    assert_eq!(building(home.path()), 0);
    assert_eq!(search(&ready(folder.open(EPOCH).unwrap()), &[("q", "alien")]).total, 300);
}

#[test]
fn a_newer_index_takes_the_place_of_the_old_one_which_goes_on_answering() {
    let home = tempfile::tempdir().unwrap();
    let old = build(home.path(), &films());
    let mut builder = old.folder().build(EPOCH, OPTIONS).unwrap();
    builder.add(&titled(1, "Aliens")).unwrap();
    old.apply(&[Change::Put(Box::new(titled(301, "Alien 301")))], revision(2)).unwrap();
    let new = builder.finish(revision(5)).unwrap();
    assert_eq!(search(&new, &[("q", "aliens")]).total, 1);
    assert_eq!(search(&old, &[("q", "alien")]).total, 301);
    new.check().unwrap();
    assert!(matches!(old.check(), Err(SearchError::Replaced)));
    let change = [Change::Delete(MovieId::new(1).unwrap())];
    assert!(matches!(old.apply(&change, revision(6)), Err(SearchError::Replaced)));
    new.apply(&change, revision(6)).unwrap();
    assert_eq!(search(&new, &[("q", "aliens")]).total, 0);
}

#[test]
fn a_folder_that_is_deleted_under_an_index_is_noticed_and_can_be_built_anew() {
    let home = tempfile::tempdir().unwrap();
    let index = build(home.path(), &films());
    fs::remove_dir_all(home.path()).unwrap();
    assert!(matches!(index.check(), Err(SearchError::Damaged(_))));
    let _ = index.search(&query(&[("q", "alien")]));
    assert!(index.apply(&[Change::Delete(MovieId::new(1).unwrap())], revision(2)).is_err());
    let mut builder = index.folder().build(EPOCH, OPTIONS).unwrap();
    builder.add(&titled(1, "Alien")).unwrap();
    let index = builder.finish(revision(3)).unwrap();
    index.check().unwrap();
    assert_eq!(search(&index, &[("q", "alien")]).total, 1);
}

#[test]
fn files_that_are_cut_or_garbage_are_errors_and_never_a_crash() {
    for extension in ["idx", "pos", "store", "term", "fast"] {
        for garbage in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let index = build(home.path(), &films());
            for file in files(home.path(), extension) {
                if garbage {
                    let length = fs::metadata(&file).unwrap().len();
                    let bytes: Vec<u8> = (0..length).map(|n| (n * 37 % 251) as u8).collect();
                    fs::write(&file, bytes).unwrap();
                    assert!(matches!(index.verify(), Err(SearchError::Damaged(_))), "{extension}");
                } else {
                    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(10).unwrap();
                    assert!(matches!(index.check(), Err(SearchError::Damaged(_))), "{extension}");
                }
            }
            for q in ["alien", "\"alien 7\"", "alein 1", "a", "ali", "nothing"] {
                let _ =
                    index.search(&query(&[("q", q), ("facets", "genre"), ("highlight", "true")]));
            }
            drop(index);
            let folder = Folder::take(home.path()).unwrap();
            if let Opened::Ready(index) = folder.open(EPOCH).unwrap() {
                let _ = index.search(&query(&[("q", "alien")]));
            }
        }
    }
}

#[test]
fn after_a_boot_checksums_are_compared() {
    let home = tempfile::tempdir().unwrap();
    drop(build(home.path(), &films()));
    let file = &files(home.path(), "idx")[0];
    let mut bytes = fs::read(file).unwrap();
    bytes[40] ^= 1;
    fs::write(file, bytes).unwrap();
    let folder = Folder::take(home.path()).unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Ready(_)));
    fs::write(current(home.path()).join("boot"), "another").unwrap();
    assert!(matches!(folder.open(EPOCH).unwrap(), Opened::Damaged(_)));
}

#[test]
fn an_index_opens_where_its_boot_cannot_be_noted() {
    let home = tempfile::tempdir().unwrap();
    drop(build(home.path(), &films()));
    let boot = current(home.path()).join("boot");
    fs::remove_file(&boot).unwrap();
    fs::create_dir(&boot).unwrap();
    let folder = Folder::take(home.path()).unwrap();
    assert_eq!(search(&ready(folder.open(EPOCH).unwrap()), &[("q", "alien")]).total, 300);
}
