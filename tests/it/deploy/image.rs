//! The image that is shipped.

use super::shipped::text;

/// How C libraries are built is set in there: without it the image has another SQLite and another allocator than were tested.
#[test]
fn the_image_is_built_with_the_settings_of_the_repository() {
    let sent = text(".dockerignore");
    assert!(sent.lines().any(|line| line == "!.cargo"), "{sent}");
}
