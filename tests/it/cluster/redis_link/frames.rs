//! Redis' protocol, as far as the link must read it: where frames end, and what is published in them.

use std::ops::Range;

/// The length of the whole frame of Redis' protocol that these bytes begin with, if all of it is there.
pub(super) fn frame_length(bytes: &[u8]) -> Option<usize> {
    let (number, mut at) = match bytes.first()? {
        b'$' | b'=' | b'!' | b'*' | b'>' | b'~' | b'%' | b'|' => line(bytes, 0)?,
        // Simple: a line.
        _ => return Some(bytes.windows(2).position(|window| window == b"\r\n")? + 2),
    };
    match bytes[0] {
        b'$' | b'=' | b'!' => {
            let length = usize::try_from(number).map_or(0, |number| number + 2);
            (bytes.len() >= at + length).then_some(at + length)
        }
        kind => {
            let each = if matches!(kind, b'%' | b'|') { 2 } else { 1 };
            for _ in 0..number.max(0) * each {
                at += frame_length(&bytes[at..])?;
            }
            Some(at)
        }
    }
}

/// Where the payload is, if this frame is a message to a subscriber.
pub(super) fn message(frame: &[u8]) -> Option<Range<usize>> {
    let head = &frame[..frame.len().min(24)];
    let is = |kind: &[u8]| head.windows(kind.len()).any(|window| window == kind);
    if !matches!(frame.first(), Some(b'*' | b'>'))
        || !(is(b"\r\nmessage\r\n") || is(b"\r\nsmessage\r\n") || is(b"\r\npmessage\r\n"))
    {
        return None;
    }
    last_part(frame)
}

/// Where the payload is, if this frame is the command that publishes.
pub(super) fn publication(frame: &[u8]) -> Option<Range<usize>> {
    if frame.starts_with(b"*3\r\n$7\r\nPUBLISH\r\n") { last_part(frame) } else { None }
}

/// The last part of a frame: found from the start, since it may have any bytes.
fn last_part(frame: &[u8]) -> Option<Range<usize>> {
    let (parts, mut at) = line(frame, 0)?;
    let mut last = None;
    for _ in 0..parts {
        let (length, start) = line(frame, at)?;
        let end = start + usize::try_from(length).ok()?;
        last = Some(start..end);
        at = end + 2;
    }
    last
}

/// The number in a line such as `*3\r\n`, and where the line ends.
fn line(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let rest = bytes.get(at + 1..)?;
    let end = rest.windows(2).position(|window| window == b"\r\n")?;
    let number = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    Some((number, at + 1 + end + 2))
}

#[test]
fn frames_of_redis_are_told_apart() {
    let two = b"*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n+OK\r\n";
    assert_eq!(frame_length(two), Some(two.len() - 5));
    assert_eq!(message(two).map(|payload| &two[payload]), Some(&b"a\r\nb"[..]));
    assert_eq!(frame_length(&two[..20]), None);
    assert_eq!(frame_length(b"%1\r\n+a\r\n:1\r\n$-1\r\n"), Some(12));
}

#[test]
fn what_is_published_is_found_in_the_command() {
    let command = b"*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$4\r\na\r\nb\r\n";
    assert_eq!(frame_length(command), Some(command.len()));
    assert_eq!(publication(command).map(|payload| &command[payload]), Some(&b"a\r\nb"[..]));
    assert_eq!(publication(b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nc\r\n"), None);
}
